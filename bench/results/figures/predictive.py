"""The observation within simulations at posterior samples, one panel a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import UsageError
from bench.results.figures.figure import ResultFigure, register_figure
from bench.results.figures.kept import Kept, kept_samples
from bench.results.figures.looks import LOOKS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Predictive"]

MOST_METHODS = 12
SIMULATIONS = 200  # for each method
BANDS = ((0.05, 0.95), (0.25, 0.75))
MIXED = 1000.0  # ratio of the spreads of entries above which each entry is standardised
WIDEST = 3.0  # range that is shown, in units of the observation's


@register_figure("predictive")
class Predictive(ResultFigure):
    """The observation within bands of simulations at each method's kept samples."""

    needs = ("samples_sha256",)
    missing = "no row has samples (all cells failed)"
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """Bands hold 50 and 90 % of the simulations, entry by entry; points are the observation.

        Titles say how many of the observation's entries are within the 90 % band. If the entries of x have
        very different spreads, each is standardised by the simulations of all methods.

        Raises:
            UsageError: if no samples are kept, the task is unknown, or no simulation is finite.
        """
        from matplotlib.ticker import MaxNLocator

        from bench.results.figures.panels import panels
        from bench.results.figures.text_size import fitted

        options = self.options
        kept = kept_samples(self, rows, MOST_METHODS)
        x_o = kept.task.observation(kept.num_observation).double().numpy()[0]
        simulated = _simulated(kept)
        if not simulated:
            raise UsageError(f"plot: predictive: no simulation of {kept.title} at the kept samples is finite")
        pooled = np.concatenate(list(simulated.values()))
        spread = pooled.std(0)
        mixed = (spread > 0).any() and spread.max() > MIXED * np.median(spread[spread > 0])
        center, scale = (
            (np.median(pooled, axis=0), np.where(spread > 0, spread, 1.0)) if mixed else (0.0, 1.0)
        )
        x_o = (x_o - center) / scale
        looks = kept.looks | {LOOKS["reference"].name: LOOKS["reference"]}
        bands = {
            m: [np.quantile((x - center) / scale, b, axis=0) for b in BANDS] for m, x in simulated.items()
        }
        within = {m: np.sum((outer[0] <= x_o) & (x_o <= outer[1])) for m, (outer, _) in bands.items()}
        figure, axes = panels(
            [f"{looks[method].name}: {number}/{len(x_o)}" for method, number in within.items()],
            options,
            x_label=f"entry of x ({fitted(kept.title, 0.4 * options.width, options.font_size)}, observation "
            f"{kept.num_observation})\nin titles: entries within the 90 % band",
            y_label="x, standardised" if mixed else "x",
            aspect=0.7,
        )
        entry = np.arange(1, len(x_o) + 1)
        for axis, method in zip(axes, bands, strict=True):
            color = looks[method].color
            for (low, high), alpha in zip(bands[method], (0.25, 0.45), strict=True):
                if len(entry) > 5:
                    axis.fill_between(entry, low, high, color=color, alpha=alpha, linewidth=0)
                else:  # bands of a few entries are bars
                    axis.bar(entry, high - low, 0.6, low, color=color, alpha=alpha, linewidth=0)
            size = max(1.2, min(3.0, 60 / len(entry)))
            axis.plot(entry, x_o, "o", color="black", markersize=size, fillstyle="none", markeredgewidth=0.6)
        axes[0].xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        axes[0].yaxis.set_major_locator(MaxNLocator(4))
        axes[0].set(xlim=(0.4, len(entry) + 0.6), ylim=_limits(x_o, bands))
        self.note(
            f"Bands hold 50 and 90 % of {SIMULATIONS} simulations at the samples of each method, points are "
            "the observation; titles say how many of its entries are within the 90 % band: of a perfect "
            "posterior about nine of ten, and of a wider one more."
        )
        return figure


def _simulated(kept: Kept) -> dict[str, np.ndarray]:
    """Finite simulations at samples of each method, ``(N, dim_x)``, and of the reference if there is one."""
    import torch

    from tasks.contract.seeding import derive_seed

    samples = {
        method: torch.from_numpy(values[:SIMULATIONS]).float() for method, values in kept.samples.items()
    }
    reference = kept.task.reference_samples(kept.num_observation)
    if reference is not None:
        samples[LOOKS["reference"].name] = reference[:SIMULATIONS]
    found = {}
    for method, theta in samples.items():
        seed = derive_seed("predictive figure", kept.task.name, kept.num_observation, method)
        x = kept.task.simulate(theta, seed=seed).double().numpy()
        x = x[np.isfinite(x).all(axis=1)]
        if len(x) > 1:
            found[method] = x
    return found


def _limits(x_o: np.ndarray, bands: dict[str, list[np.ndarray]]) -> tuple[float, float]:
    """Return limits that show the observation and all bands, but no band that is very far out."""
    closest = min(
        (outer for outer, _ in bands.values()), key=lambda outer: float((outer[1] - outer[0]).sum())
    )
    first, last = min(x_o.min(), closest[0].min()), max(x_o.max(), closest[1].max())
    room = (WIDEST - 1) / 2 * (last - first)
    low = min(outer[0].min() for outer, _ in bands.values())
    high = max(outer[1].max() for outer, _ in bands.values())
    low, high = max(low, first - room), min(high, last + room)
    margin = 0.05 * (high - low) or 0.5
    return float(low - margin), float(high + margin)
