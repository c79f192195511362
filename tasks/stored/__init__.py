"""Stored reference posteriors: ``NAME.npz`` holds a task's draws, ``NAME.json`` its certificate."""
