"""What a user may choose about a figure, besides its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bench.results.style_file import Style

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FigureOptions", "Interval", "Samples", "Time"]

Interval = Literal["sd", "se", "ci95"]
Time = Literal["sampling", "training", "total"]
# The kept samples of a row, as bench.results.store.Store.samples finds them by ``cell`` and
# ``num_observation``, ``(N, dim_theta)``; a UsageError if none are kept.
Samples = Callable[..., Any]


@dataclass(frozen=True)
class FigureOptions:
    """Choices that every figure gets, in its attribute ``options``.

    Attributes:
        metric: Column of the accuracy that is drawn.
        interval: What bars show: standard deviation over rows, standard error of the mean, or 95 %
            confidence interval of the mean (by Student's t).
        width: Width of the figure in inches.
        font_size: Size of titles and labels in points; no text is smaller than 6 points.
        style: Names, colours, markers and order of methods and tasks.
        time: Time on the horizontal axis of ``accuracy_by_time``.
        published: Rows of ``results/published`` with the columns of ``c2st.csv``, drawn as hollow points.
        samples: Function that returns the kept samples of a row; None if there is no directory.
    """

    metric: str = "c2st"
    interval: Interval = "sd"
    width: float = 6.75
    font_size: float = 8.0
    style: Style = field(default_factory=Style)
    time: Time = "sampling"
    published: pd.DataFrame | None = None
    samples: Samples | None = None

    @property
    def small(self) -> float:
        """Size of tick labels and legends in points."""
        return max(6.0, 0.85 * self.font_size)
