"""Tasks whose posterior is known exactly: in closed form, or up to a one-dimensional integral."""

from tasks.closed_form.bimodal_1d import Bimodal1D
from tasks.closed_form.heat_1d import Heat1D, Heat1D20, Heat1D80
from tasks.closed_form.student_t_mixture import StudentTMixture10x10, StudentTMixture15x5

__all__ = ["Bimodal1D", "Heat1D", "Heat1D20", "Heat1D80", "StudentTMixture10x10", "StudentTMixture15x5"]
