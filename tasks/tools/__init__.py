"""Parts that several tasks are made of."""
