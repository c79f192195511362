"""The study of inflationary flows (arXiv 2407.08843): maps of toy data, and calibration in their latents."""

from bench.inflation.maps import map_row
from bench.inflation.toy_flow import ToyFlow
from bench.inflation.toys import TOYS, toy
from bench.inflation.weights import weights_coverage

__all__ = ["TOYS", "ToyFlow", "map_row", "toy", "weights_coverage"]
