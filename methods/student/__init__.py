"""From any map (z, x) -> theta to a network that takes one pass: labels, network, posterior."""

from methods.student.labels import Labels, generate_labels
from methods.student.student import OnePassPosterior, Student, fit_student

__all__ = ["Labels", "OnePassPosterior", "Student", "fit_student", "generate_labels"]
