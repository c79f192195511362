"""The methods ``prior`` and ``reference``: the prior, and held-out draws of the reference posterior."""

from methods.baselines.method import Prior, Reference

__all__ = ["Prior", "Reference"]
