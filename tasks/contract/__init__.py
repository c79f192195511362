"""What every task must offer, and how tasks are named."""
