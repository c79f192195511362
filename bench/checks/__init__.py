"""The conformance suite: what a task or method must do."""
