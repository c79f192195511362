"""Sixteen coefficients of a diffusion field, inferred from twenty sensors on a finer grid."""

from __future__ import annotations

from typing import ClassVar

from tasks.contract.registry import register_task
from tasks.physics.elliptic_pde import EllipticPDE
from tasks.tools.stored_task import stored_card

__all__ = ["EllipticPDE16"]

# Coordinates in twentieths of the side, by a greedy farthest-point design. No two places are images of each
# other under the symmetries described in elliptic_pde.py.
SENSORS = (
    *((8, 2), (15, 2), (4, 3), (11, 4), (18, 4), (15, 5), (3, 6), (7, 7), (14, 8), (2, 10)),
    *((6, 11), (10, 11), (18, 11), (14, 13), (2, 14), (7, 15), (15, 16), (12, 17), (3, 18), (18, 18)),
)
FREQUENCIES = range(1, 5)


@register_task("elliptic_pde_16")
class EllipticPDE16(EllipticPDE):
    """Infer sixteen coefficients of a log diffusivity from noisy pressures at twenty sensors.

    The equation is that of :class:`~tasks.physics.elliptic_pde.EllipticPDE` with m, l = 1 … 4 and the prior
    b_ml ~ N(0, (m + l)^-2) (variances). Amplitudes decrease with frequency, so that the grid still resolves
    the field. The data are p at the sensors plus noise N(0, 0.005²). In comparison with a finer grid, the
    solver's error at the sensors over 30 prior draws has a median of 2e-5 and a maximum of 1e-4, which is
    0.4 % and 2 % of the noise.

    The reference is made by Hamiltonian Monte Carlo on the exact likelihood of the solver's output.

    The problem refines the elliptic inverse problem of arXiv 2506.18227; it is this package's own and matches
    no published setup.
    """

    version = "1"
    dim_theta, dim_x = 16, len(SENSORS)
    noise_sd = 0.005
    modes: ClassVar[tuple[tuple[int, int], ...]] = tuple((m, n) for m in FREQUENCIES for n in FREQUENCIES)
    decay: ClassVar[float] = 2.0
    coarse: ClassVar[int] = 20
    sensors: ClassVar[tuple[tuple[int, int], ...]] = SENSORS
    reference_by = "hmc"
    card = stored_card(
        "elliptic_pde_16",
        text="Infer sixteen coefficients of a log diffusivity from twenty sensors of the pressure.",
        noise="N(0, 0.005²) on each sensor; pressures are about 0.01 to 0.08 and have no unit",
        citation="elliptic inverse problem of arXiv 2506.18227, refined; this package's own",
    )
