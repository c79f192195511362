"""The prior, and held-out draws of the reference posterior as the noise floor."""

from methods.baselines.method import Prior, Reference

__all__ = ["Prior", "Reference"]
