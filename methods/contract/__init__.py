"""What every method must offer, how methods are named, and what they all use."""
