"""From any map (z, x) -> theta to a network that takes one pass: labels, network, posterior."""

from methods.student.labels import Labels, between_neighbours, generate_labels, jittered
from methods.student.method import StudentMethod
from methods.student.networks import BranchedNetwork, PlainNetwork, student_network
from methods.student.student import OnePassPosterior, Student, fit_student

__all__ = [
    "BranchedNetwork",
    "Labels",
    "OnePassPosterior",
    "PlainNetwork",
    "Student",
    "StudentMethod",
    "between_neighbours",
    "fit_student",
    "generate_labels",
    "jittered",
    "student_network",
]
