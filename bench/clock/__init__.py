"""Measurements on the machine during a run: time, energy, and the load of other programs."""
