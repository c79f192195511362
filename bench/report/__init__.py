"""The report of a result directory: one HTML file with tables, figures and rows, without a network."""
