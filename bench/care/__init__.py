"""Looking after a directory of results: what is in it, and removing, marking, merging and exporting rows."""
