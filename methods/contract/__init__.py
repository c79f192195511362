"""The contract of all methods, the grammar of their names, and helpers that they share."""
