"""Networks of the suite's own methods, and their training."""
