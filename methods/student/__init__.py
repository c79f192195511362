"""Distillation of any map (z, x) -> theta into a one-pass network: labels, network and posterior."""

from methods.student.distilled import StudentMethod
from methods.student.student import OnePassPosterior, Student, fit_student
from methods.student.student_networks import BranchedNetwork, PlainNetwork, student_network
from methods.student.teacher_labels import Labels, between_neighbours, generate_labels, jittered

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
