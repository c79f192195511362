"""The learned denoiser, distilled into a network that takes one pass."""

from methods.one_pass.method import OnePass

__all__ = ["OnePass"]
