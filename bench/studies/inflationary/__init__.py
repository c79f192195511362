"""The study of inflationary flows (arXiv 2407.08843): their maps of toy data, and calibration in latents."""

from bench.studies.inflationary.maps import map_row
from bench.studies.inflationary.toy_flow import ToyFlow
from bench.studies.inflationary.toys import TOYS, toy
from bench.studies.inflationary.weights import weights_coverage

__all__ = ["TOYS", "ToyFlow", "map_row", "toy", "weights_coverage"]
