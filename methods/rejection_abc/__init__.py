"""The method ``rejection_abc``: rejection approximate Bayesian computation."""

from methods.rejection_abc.method import RejectionABC

__all__ = ["RejectionABC"]
