"""How often a method is better than another on the same observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.results.figures.figure import ResultFigure, register_figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Wins", "win_rates"]


def win_rates(losses: pd.DataFrame) -> pd.DataFrame:
    """Return the share of problems on which the method of a row is better than that of a column, in [0, 1].

    A tie counts half. Problems that one of the two lacks do not count; a share over none is NaN.

    Arguments:
        losses: Problems as rows, methods as columns; lower is better.

    Example:
        >>> import pandas as pd
        >>> win_rates(pd.DataFrame({"a": [1.0, 2.0, 2.0, 1.0], "b": [2.0, 2.0, 1.0, None]})).loc["a", "b"]
        np.float64(0.5)
    """
    import numpy as np
    import pandas as pd

    values = losses.to_numpy()
    pairs = values[:, :, None] - values[:, None, :]  # problems x rows x columns
    known = np.isfinite(pairs).sum(0)
    won = (pairs < 0).sum(0) + 0.5 * (pairs == 0).sum(0)
    rates = np.divide(won, known, out=np.full(known.shape, np.nan), where=known > 0)
    np.fill_diagonal(rates, np.nan)
    return pd.DataFrame(rates, index=losses.columns, columns=losses.columns)


@register_figure("wins")
class Wins(ResultFigure):
    """Share of observations on which one method is better than another, for all pairs of methods."""

    needs = ("c2st",)
    missing = "no row has a C2ST (all cells failed, or the tasks have no reference)"
    scored = True
    one_size = True
    exact = True

    def draw(self, rows: pd.DataFrame) -> Any:
        """A matrix in per cent, paired by task, budget, seed and observation; the best method is on top.

        Raises:
            UsageError: if there are fewer than two methods.
        """
        import numpy as np

        from bench.results.figures.heat_map import heat_map
        from bench.results.figures.looks import looks
        from bench.results.figures.metric_axis import metric_name
        from bench.results.figures.problems import OBSERVATION, is_compared, losses, without_reference

        table = losses(rows, self.options.metric, OBSERVATION)
        self.caption_only(without_reference(rows), is_compared)
        rates = win_rates(table)
        order = list(rates.mean(axis=1).sort_values(ascending=False, kind="stable").index)
        if self.options.style.methods:
            order = list(looks(order, self.options.style))
        names = [look.name for look in map(looks(order, self.options.style).__getitem__, order)]
        percent = 100 * rates.loc[order, order].to_numpy()
        figure = heat_map(
            [("", percent)],
            names,
            names,
            self.options,
            limits=(0, 100),
            colors="RdBu",
            text="{:.0f}",
            bar=f"% of observations with a better {metric_name(self.options.metric)}\n"
            "(method of the row against the column)",
        )
        known = table.notna().astype(int)
        numbers = (known.T @ known).to_numpy()[~np.eye(len(order), dtype=bool)]
        count = f"{numbers.min()} to {numbers.max()}" if numbers.min() < numbers.max() else f"{numbers.max()}"
        self.note(
            f"Pairs are rows of one task, budget, seed and observation ({count} for each pair of methods); a "
            "tie counts half. The diagonal, a method against itself, is grey."
            + (" Two methods without a common pair have a grey cell." if not numbers.min() else "")
        )
        return figure
