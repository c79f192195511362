"""Rejection ABC."""

from methods.rejection_abc.method import RejectionABC

__all__ = ["RejectionABC"]
