"""Everything that turns the cells of a grid into rows of results."""
