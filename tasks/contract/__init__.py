"""The interface that every task implements, and the registry that finds tasks by name."""
