"""The figure contract: which rows a figure needs, and how it draws them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from bench.errors import UsageError
from bench.printable import printable
from bench.results.ends_of_scale import FLOOR
from bench.results.figures.options import FigureOptions
from registries import Registry, RegistryError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "POINT",
    "ResultFigure",
    "UnknownFigureError",
    "figure_class",
    "figures",
]
__all__ += ["label", "register_figure"]

MOST_TASKS = 200  # of a figure, a panel or a row of panels each
LONGEST = 60  # characters of a label
POINT = ["task", "method", "num_simulations"]


class UnknownFigureError(RegistryError):
    """No figure is registered under the name that was asked for."""


class ResultFigure(ABC):
    """A figure of the rows of a result directory. The first line of its docstring is what lists print.

    matplotlib and seaborn are imported inside :meth:`draw`, so that figures can be listed without them.

    Attributes:
        name: Registered name, which is also the name of the files.
        needs: Columns in which a row must have a value to be drawn.
        missing: What is said if no row has them.
        scored: Whether the metric that the user chose is drawn. A row then needs a value of this metric
            instead of ``c2st`` in ``needs``.
        one_size: Whether rows of only one number of posterior samples are drawn, the number that most
            methods have, because what is drawn depends on it (a C2ST does). ``reference`` keeps its own
            number: it has at most half of the reference draws to give.
        without: Parameters that the labels of methods leave out.
        exact: Whether the figure has the width in ``options``. Any other is cut to what is drawn when it is
            saved.
        shows_published: Whether published results are drawn if they are asked for. A note then names their
            sources.
        options: Metric, interval, width, sizes and style that the user chose.
        notes: Sentences for the caption, see :meth:`note`.
        shown: Rows that the caption counts and names, see :meth:`caption_only`; all if None.
        failed: Rows that failed, with labels, which the caption names.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    missing: ClassVar[str] = ""
    scored: ClassVar[bool] = False
    one_size: ClassVar[bool] = False
    without: ClassVar[tuple[str, ...]] = ()
    exact: ClassVar[bool] = False
    shows_published: ClassVar[bool] = False
    options: FigureOptions = FigureOptions()
    notes: tuple[str, ...] = ()
    shown: pd.DataFrame | None = None
    failed: pd.DataFrame | None = None

    @abstractmethod
    def draw(self, rows: pd.DataFrame) -> Any:
        """Draw rows.

        Arguments:
            rows: Rows without failure that have a value in all columns of ``needs``, of the newest version
                of each task and method; ``task`` and ``method`` are labels, as in tables, made by
                :func:`label`, and ``task_name`` and ``method_name`` are registered names.

        Returns:
            A figure of matplotlib, or anything with such a figure as its attribute ``figure``, as seaborn's
            grids have it.

        Raises:
            UsageError: if these rows cannot be drawn.
        """

    @classmethod
    def summary(cls) -> str:
        """The figure in one sentence."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    def note(self, sentence: str) -> None:
        """Add a sentence about what is drawn to the caption."""
        self.notes = (*self.notes, sentence)

    def caption_only(
        self, rows: pd.DataFrame, also_failed: Callable[[pd.DataFrame], pd.Series] | None = None
    ) -> None:
        """Let the caption be about some of the rows, those that are seen in the figure.

        Arguments:
            rows: The rows that are seen.
            also_failed: Function of the failed rows that returns which of them would be seen if they had not
                failed; without it, all would be.
        """
        self.shown = rows
        if also_failed is not None and self.failed is not None:
            self.failed = self.failed[also_failed(self.failed)]

    def needed(self) -> list[str]:
        """Return the columns in which a row must have a value."""
        metric = self.options.metric
        return [metric if self.scored and name == "c2st" else name for name in self.needs]

    def reason(self) -> str:
        """Return why nothing can be drawn if no row has what is needed."""
        metric = self.options.metric
        if self.scored and metric != "c2st":
            return f"no row has {metric} (all cells failed, or the tasks lack what it needs)"
        return self.missing or "no row has " + " and ".join(self.needed())

    def rows(
        self,
        rows: pd.DataFrame,
        *,
        all_versions: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> pd.DataFrame:
        """The rows to draw.

        Arguments:
            rows: Rows as :meth:`bench.results.store.Store.read` returns them.
            all_versions: Whether to show older versions, next to the newest.
            say: Receives one line about rows that are left out.

        Raises:
            UsageError: if there are none.
        """
        from bench.results.failed_rows import asked_for_less, failed_rows
        from bench.results.selection import of_one_size, select

        needed = self.needed()
        rows = rows.assign(task_name=rows["task"], method_name=rows["method"])
        chosen = select(rows, all_versions=all_versions, without=self.without, say=say)
        absent = [column for column in needed if column not in chosen]
        failed = failed_rows(chosen, needed)
        good = chosen[~failed]
        good = good.iloc[:0] if absent else good.dropna(subset=needed)
        if good.empty:
            raise UsageError(f"plot: {self.reason()}")
        if good["task"].nunique() > MOST_TASKS:
            number = good["task"].nunique()
            raise UsageError(
                f"plot: {number} tasks; a figure has room for {MOST_TASKS}: choose some with --task"
            )
        if self.one_size:
            floor = good["method"] == FLOOR
            proper = of_one_size(good if floor.all() else good[~floor], POINT, say)
            good = good[good.index.isin(proper.index) | floor]
            failed &= ~asked_for_less(chosen, proper["num_posterior_samples"].max())
        known = {name: _labels(chosen[name]) for name in ("task", "method")}
        bad = chosen[failed]
        self.failed = bad.assign(**{name: bad[name].map(labels) for name, labels in known.items()})
        return good.assign(**{name: good[name].map(labels) for name, labels in known.items()})


def label(text: str) -> str:
    r"""Return a text as a label of matplotlib, which would take text between dollar signs for mathematics.

    A long text is shortened in its middle.

    Example:
        >>> label("cost[unit=$]")
        'cost[unit=\\$]'
    """
    text = printable(text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 21]}…{text[-20:]}"
    return text.replace("$", r"\$")


def _labels(names: pd.Series) -> dict[str, str]:
    """Return the label of each name; names that differ keep labels that differ."""
    found: dict[str, str] = {}
    for name in sorted(map(str, names.unique())):
        short = label(name)
        number = sum(other.startswith(short) for other in found.values())
        found[name] = f"{short} ({number + 1})" if short in found.values() else short
    return found


_registry: Registry[ResultFigure] = Registry("figure", ResultFigure, UnknownFigureError)  # type: ignore[type-abstract]

register_figure = _registry.register
figure_class = _registry.find


def figures() -> dict[str, type[ResultFigure]]:
    """All figures by name, those of installed packages (``scorebench.figures``) included."""
    return _registry.classes()
