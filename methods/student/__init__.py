"""From any map (z, x) -> theta to a network that takes one pass: labels, network, posterior."""

from methods.student.labels import Labels, generate_labels
from methods.student.student import OnePassPosterior, fit_student

__all__ = ["Labels", "OnePassPosterior", "fit_student", "generate_labels"]
