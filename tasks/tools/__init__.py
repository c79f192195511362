"""Base classes and numerical tools that several tasks share."""
