"""What tasks and methods answer: converted, or refused in one line that says what was wanted."""
