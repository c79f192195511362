"""The whole study of inflationary flows, which writes its tables and figures to a directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from bench.results.figures.style import save
from bench.studies.inflationary import ToyFlow, map_row, weights_coverage
from bench.studies.inflationary.figures import inflation_panels, weights_figure
from methods.inflationary import FlowSolver

__all__ = ["inflation_study"]

SOLVERS: tuple[tuple[FlowSolver, int], ...] = (("euler", 701), ("heun", 200), ("dopri5", 1))
CALIBRATED = "circles"  # the toy data set that the publication's calibration uses


def inflation_study(
    toys: Sequence[str], num_sets: int, out: Path, say: Callable[[str], None]
) -> dict[str, pd.DataFrame]:
    """Train flows that preserve the dimension and flows that reduce it by one, and measure both.

    Arguments:
        toys: Names of toy data sets, keys of :data:`bench.studies.inflationary.TOYS`.
        num_sets: Number of data sets for calibration, which is measured on ``circles`` only.
        out: Directory for ``maps.csv``, ``weights.csv`` and figures.
        say: Function that receives one line about each step.

    Returns:
        The tables ``maps`` (see :func:`bench.studies.inflationary.map_row`) and, if ``circles`` is among the
        toys, ``weights`` (see :func:`bench.studies.inflationary.weights_coverage`).
    """
    flows = []
    for name in toys:
        dim = 3 if name in ("s_curve", "swirl") else 2
        for keep in (None, dim - 1):
            say(f"{name}: training, {'all directions' if keep is None else f'{keep} of {dim}'}")
            flows.append(ToyFlow.fit(name, keep))
    out.mkdir(parents=True, exist_ok=True)
    tables = {"maps": pd.DataFrame([map_row(flow.by(*solver)) for flow in flows for solver in SOLVERS])}
    tables["maps"].to_csv(out / "maps.csv", index=False)
    for what, shown in (
        ("preserving", [flow for flow in flows if flow.keep is None]),
        ("reducing", [flow for flow in flows if flow.keep is not None]),
    ):
        _save(inflation_panels(shown), out, f"inflation_{what}")
    calibrated = [flow for flow in flows if flow.name == CALIBRATED]
    if calibrated:
        say(f"{CALIBRATED}: weights of {2 * num_sets} data sets by HMC, for each flow")
        found = [weights_coverage(flow, num_sets) for flow in calibrated]
        tables["weights"] = pd.concat([rows for rows, _ in found], ignore_index=True)
        tables["weights"].to_csv(out / "weights.csv", index=False)
        masses = {flow.label: mass for flow, (_, mass) in zip(calibrated, found, strict=True)}
        _save(weights_figure(masses), out, "inflation_weights")
    return tables


def _save(figure: plt.Figure, out: Path, name: str) -> None:
    save(figure, out / "figures", name)
    plt.close(figure)
