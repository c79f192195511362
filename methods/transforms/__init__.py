"""Maps of theta and x that are applied before a network. They are fitted once and not trained."""
