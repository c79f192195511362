"""Posterior samples of methods against the reference, one panel a pair of parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.results.figures.densities import contours, marginal
from bench.results.figures.figure import ResultFigure, label, register_figure
from bench.results.figures.kept import kept_samples
from bench.results.figures.options import FigureOptions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from bench.results.figures.looks import Look
    from bench.results.style_file import Style

__all__ = ["Posterior", "parameter_label"]

MOST_METHODS, MOST_PARAMETERS = 6, 5
LEVELS = (0.95, 0.68)  # probability within a contour
MOST_NESTED = 3  # methods with both contours; of more, the outer ones are drawn
LINES: tuple[Any, ...] = (
    "-",
    "--",
    "-.",
    (0, (1.0, 0.8)),
    (0, (6.0, 1.5)),
    (0, (3.0, 1.0, 1.0, 1.0, 1.0, 1.0)),
)
WIDEST = 2.5  # range of a parameter that is shown, in units of the reference's
WORDS = "alpha beta gamma delta kappa lambda mu nu omega phi psi rho sigma tau theta xi zeta"
GREEK = dict(zip(WORDS.split(), "αβγδκλμνωφψρστθξζ", strict=True))
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@register_figure("posterior")
class Posterior(ResultFigure):
    """Contours and marginals of kept samples against the reference, for one observation."""

    needs = ("samples_sha256",)
    missing = "no row has samples (all cells failed)"
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """A triangle of panels: contours that hold 68 and 95 % of the samples, and marginals on the diagonal.

        The reference is grey; dotted lines are the parameters that the observation was simulated from.

        Raises:
            UsageError: if no samples are kept (``scorebench run --keep samples``), or the task is unknown.
        """
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D

        from bench.results.figures.panels import entries, legend_above, legend_height, small_ticks

        options = self.options
        kept = kept_samples(self, rows, MOST_METHODS)
        shown_as = _lines(kept.looks, options.style)
        task, k = kept.task, kept.num_observation
        reference = task.reference_samples(k)
        exact = None if reference is None else reference.double().numpy()
        truth = task.true_theta(k)
        shown = min(task.dim_theta, MOST_PARAMETERS)
        if shown < task.dim_theta:
            self.note(f"The first {shown} of {task.dim_theta} parameters are shown.")
        names = [parameter_label(name) for name in task.parameter_names[:shown]]
        ranges = [
            _range(
                [samples[:, j] for samples in kept.samples.values()], None if exact is None else exact[:, j]
            )
            for j in range(shown)
        ]
        legend = entries(shown_as.values(), options)
        for line in legend:
            line.set_marker("")
        if exact is not None:
            legend.append(Line2D([], [], label="reference", color="0.75", linewidth=4.0))
        if truth is not None:
            legend.append(Line2D([], [], label="true parameters", color="0.2", linewidth=0.9, linestyle=":"))
        inch = options.font_size / 72
        side = min((options.width - 4 * inch) / shown, 2.2)
        height = legend_height(legend, options) + side * shown + 3 * inch
        figure = Figure(figsize=(options.width, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0)  # type: ignore[call-arg, union-attr]
        axes = figure.subplots(shown, shown, squeeze=False)
        for i in range(shown):
            for j in range(shown):
                axis = axes[i, j]
                if j > i:
                    axis.remove()
                    continue
                small_ticks(axis, options)
                axis.grid(visible=False)
                axis.set_xlim(*ranges[j])
                _set_ticks(axis.xaxis, ranges[j], 0.8 * side, options)
                if j < i:
                    axis.set_ylim(*ranges[i])
                    _set_ticks(axis.yaxis, ranges[i], 0.8 * side, options)
                parts: list[tuple[np.ndarray, Look | None]] = [] if exact is None else [(exact, None)]
                parts += [(kept.samples[method], look) for method, look in shown_as.items()]
                for samples, look in parts:
                    if i == j:
                        marginal(axis, samples[:, i], ranges[i], look)
                    else:
                        levels = LEVELS if look is None or len(kept.looks) <= MOST_NESTED else LEVELS[:1]
                        contours(axis, samples[:, [j, i]], ranges[j], ranges[i], look, levels)
                if truth is not None:
                    axis.axvline(float(truth[0, j]), color="0.2", linewidth=0.9, linestyle=":")
                    if j < i:
                        axis.axhline(float(truth[0, i]), color="0.2", linewidth=0.9, linestyle=":")
                _labels(axis, i, j, names, options)
        legend_above(figure, legend, options)
        both = "68 and 95 %" if len(kept.looks) <= MOST_NESTED else "95 % (of the reference also 68 %)"
        self.note(
            f"Contours hold {both} of the samples. Panels show the range of the reference, which is grey; "
            "what lies outside them is cut off."
        )
        return figure


def _lines(looks: dict[str, Look], style: Style) -> dict[str, Look]:
    """Looks whose lines differ, where so many contours cross each other that colours are not enough.

    Lines that the style gives are kept.
    """
    if len(looks) <= MOST_NESTED:
        return looks
    given = {label(key) for key, value in style.methods.items() if value.line}
    free = iter(LINES)
    return {
        method: look if method in given else replace(look, line=next(free)) for method, look in looks.items()
    }


def parameter_label(name: str) -> str:
    """Return the name of a parameter as a label: Greek letters and subscripts for their names.

    Example:
        >>> parameter_label("theta_12"), parameter_label("beta"), parameter_label("frequency [kHz]")
        ('θ₁₂', 'β', 'frequency [kHz]')
    """
    stem, _, number = name.partition("_")
    shown = GREEK.get(stem, stem)
    if number.isascii() and number.isdigit():
        return label(shown + number.translate(SUBSCRIPTS))
    return label(GREEK.get(name, name))


def _range(samples: list[np.ndarray], exact: np.ndarray | None) -> tuple[float, float]:
    """Return the range of a parameter that is shown: most samples, not far beyond the reference."""
    ends = np.array([np.quantile(one, [0.005, 0.995]) for one in samples])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if exact is not None:
        first, last = (float(end) for end in np.quantile(exact, [0.002, 0.998]))
        margin = (WIDEST - 1) / 2 * (last - first)
        low, high = min(first, max(low, first - margin)), max(last, min(high, last + margin))
    margin = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return low - margin, high + margin


def _set_ticks(line: Axis, limits: tuple[float, float], inches: float, options: FigureOptions) -> None:
    ticks = _ticks(limits, inches, options.small)
    line.set_ticks(ticks, labels=[f"{tick:.4g}".replace("-", "\N{MINUS SIGN}") for tick in ticks])


def _ticks(limits: tuple[float, float], inches: float, size: float) -> list[float]:
    """Return round numbers within a range whose labels do not touch, along an axis of this length."""
    from matplotlib.ticker import MaxNLocator

    from bench.results.figures.text_size import text_width

    low, high = limits
    edge = 0.1 * (high - low)
    for number in (3, 2, 1):
        ticks = [
            float(tick)
            for tick in MaxNLocator(number + 1).tick_values(low, high)
            if low + edge <= tick <= high - edge
        ]
        widest = max((text_width(f"{tick:.4g}", size) for tick in ticks), default=0.0) + 0.5 * size / 72
        if len(ticks) < 2 or widest < (ticks[1] - ticks[0]) / (high - low) * inches:
            return ticks
    return ticks[len(ticks) // 2 :][:1]


def _labels(axis: Axes, i: int, j: int, names: list[str], options: FigureOptions) -> None:
    last = len(names) - 1
    if i == last:
        axis.set_xlabel(names[j], fontsize=options.font_size, labelpad=1.5)
    axis.tick_params(labelbottom=i == last, labelleft=0 == j < i)
    if j == 0 and i > 0:
        axis.set_ylabel(names[i], fontsize=options.font_size, labelpad=1.5)
    if i == j:
        axis.set_yticks([])
        axis.set_ylim(bottom=0.0)
        axis.spines["left"].set_visible(False)
