"""What a run measures of the machine: time, energy, and the load of other programs."""
