"""Running a grid: from its cells to their rows."""
