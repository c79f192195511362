"""The method ``one_pass``: a learned denoiser, distilled into a network that samples in one pass."""

from methods.one_pass.method import OnePass

__all__ = ["OnePass"]
