"""Tables for print: a pivot of one metric, ranks of methods, and published results next to ours."""
