"""The two methods that are the ends of the scale of accuracy, and so are not compared with others."""

from __future__ import annotations

__all__ = ["FLOOR", "PRIOR", "SCALE"]

FLOOR = "reference"  # the method whose rows are the noise floor
PRIOR = "prior"  # the method that learns nothing
SCALE = (FLOOR, PRIOR)
