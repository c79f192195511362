"""Which row wins where several directories have rows of the same cell and observation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bench.results.naming import method_labels

__all__ = ["JUDGED_BY", "STORED", "Winners", "winners"]

# Columns of the store that rows are judged by, and those that name a row in a message.
STORED = ["cell", "num_observation", "status", "invalid", "started_at", "samples_sha256"]
STORED += ["task", "method", "params", "changed_params"]
JUDGED_BY = [*STORED, "num_metrics"]  # the last is the number of metrics that a row has a value of
PAIR = ["cell", "num_observation"]
SAME = [*PAIR, "status", "started_at", "samples_sha256"]  # two rows that agree in these are copies of one
Numbers = dict[str, set[int]]  # numbers of observations by cell


@dataclass(frozen=True)
class Winners:
    """The row of each cell and observation, and the directory that it comes from.

    Attributes:
        rows: The winning rows: the columns ``JUDGED_BY`` and ``directory``.
        marks: Winning rows to be marked as invalid, by reason, because a copy of them is marked.
    """

    rows: pd.DataFrame
    marks: dict[str, Numbers]

    def of(self, directory: str) -> Numbers:
        """Return the winning rows that come from a directory."""
        return _numbers(self.rows[self.rows["directory"] == directory])

    def changes(self, directory: str) -> bool:
        """Whether the directory lacks one of the winning rows, or a mark on one."""
        return bool(self.marks) or bool((self.rows["directory"] != directory).any())


def winners(rows: pd.DataFrame, preferred: str, say: Callable[[str], None]) -> Winners:
    """Choose one row for each cell and observation.

    A good row wins over an invalidated one, and this over a failed one. Of two good rows the one with more
    metrics wins, so that rows run for their times alone do not take the place of scored ones; then the later
    started. A row is invalidated if one of its copies is. The result does not depend on the order of the
    rows.

    Arguments:
        rows: Rows of all directories: the columns ``JUDGED_BY``, and ``directory``.
        preferred: Directory whose copy is taken if several have copies of the winning row.
        say: Function that receives a line for each task and method with several different good rows.
    """
    several = rows.duplicated(PAIR, keep=False)
    some = rows[several].copy()
    some[SAME[2:]] = some[SAME[2:]].astype(object).where(some[SAME[2:]].notna(), "")
    known = some["invalid"].astype(object).where(some["invalid"].notna(), "")
    some["mark"] = known.groupby([some[name] for name in SAME]).transform("max")
    good = some["status"] == "ok"
    some["rank"] = good.astype(int) + (good & (some["mark"] == ""))
    some["near"] = some["directory"] == preferred
    order = [*PAIR, "rank", "num_metrics", "started_at", "status", "samples_sha256", "near", "directory"]
    some = some.sort_values(order)
    first = ~some.duplicated(PAIR, keep="last")
    _explain(some[some["rank"] == 2], say)
    won = some[first]
    unmarked = won[(won["mark"] != "") & won["invalid"].isna()]
    return Winners(
        rows=pd.concat([rows[~several], rows.loc[won.index]]),
        marks={str(reason): _numbers(group) for reason, group in unmarked.groupby("mark")},
    )


def _numbers(rows: pd.DataFrame) -> Numbers:
    found: Numbers = defaultdict(set)
    for cell, number in zip(rows["cell"], rows["num_observation"], strict=True):
        found[cell].add(number)
    return dict(found)


def _explain(good: pd.DataFrame, say: Callable[[str], None]) -> None:
    """Say of how many rows there are different good ones."""
    starts = good.groupby(PAIR)["started_at"].nunique()
    samples = good.groupby(PAIR)["samples_sha256"].nunique()
    latest = good.sort_values("started_at", kind="stable").drop_duplicates(PAIR, keep="last")
    kept = good.drop_duplicates(PAIR, keep="last").set_index(PAIR)["started_at"]
    earlier = kept < latest.set_index(PAIR)["started_at"].reindex(kept.index)
    named = good.drop_duplicates(PAIR).set_index(PAIR)
    both = pd.DataFrame(
        {"different": (starts > 1) | (samples > 1), "samples": samples > 1, "earlier": earlier}
    )
    both = both.assign(task=named["task"].fillna("?"), method=method_labels(named))
    for (task, method), group in both[both["different"]].groupby(["task", "method"]):
        other = int(group["samples"].sum())
        more = f"; {other} of them differ in their samples" if other else "; their samples are the same"
        scored = int(group["earlier"].sum())
        which = "the later started are kept"
        if scored:
            which = (
                f"of {scored} an earlier one with more metrics is kept, of {len(group) - scored} the later"
            )
        say(f"{task} {method}: {len(group)} rows were run more than once, {which}{more}")
