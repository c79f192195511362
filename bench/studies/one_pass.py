"""Comparison of the one-pass sampler with sbi's methods and the best published amortized results."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

import methods
from bench.errors import UsageError
from bench.results.published import Classifier, best_amortized
from bench.results.selection import of_one_size, select, times_of_one_kind

__all__ = ["METHODS", "TASKS", "Comparison", "as_markdown", "comparison"]

TASKS = (
    "bernoulli_glm",
    "bernoulli_glm_raw",
    "gaussian_linear",
    "gaussian_linear_uniform",
    "gaussian_mixture",
    "lotka_volterra",
    "sir",
    "slcp",
    "slcp_distractors",
    "two_moons",
)
REFINED = "one_pass[refinement_steps=99]"  # at most 100 evaluations for a sample
METHODS = (
    "npe",
    "fmpe",
    "npse",
    "denoiser",
    "one_pass",
    "one_pass[passes=2]",
    REFINED,
    "learned_likelihood",
)
OURS = {"one_pass": "one_pass", "two_passes": "one_pass[passes=2]", "refined": REFINED}
VARIANTS = list(OURS.values())
PEERS = ["npe", "fmpe", "npse"]
# For each classifier of published results: our column of the C2ST by it, and the suffix of means by it.
COLUMNS: dict[Classifier, tuple[str, str]] = {"mlp": ("c2st", ""), "rf": ("c2st_rf", "_rf")}
KEYS = ["task", "num_simulations"]
NUM_SEEN = 3  # number of observations that were used while the method was developed


class Comparison(NamedTuple):
    """Three tables with a row for each task and budget.

    Attributes:
        accuracy: ``task, num_simulations``, the mean C2ST of every method, ``unseen`` (one_pass on
            observations 4 to 10, on which no choice was based), ``to_npe`` (one_pass - npe), ``to_best_peer``
            (one_pass - best of npe, fmpe and npse), ``distilled`` and ``distilled_worst`` (mean and maximum
            of one_pass - denoiser). Differences use observations that both methods have.
        published: ``task, num_simulations``, the mean C2ST by sbibm's network of one pass (``one_pass``), two
            passes (``two_passes``) and refined samples (``refined``), and the best published amortized result
            by the same classifier: ``published_mlp``, ``published_mlp_method``, ``to_published_mlp`` (best of
            the three - published). The same columns by sbi's random forest end in ``_rf`` or have ``rf`` for
            ``mlp``.
        seconds: Training time in seconds (``train_METHOD``), and sampling time as a multiple of one_pass's
            (``sample_METHOD``).
    """

    accuracy: pd.DataFrame
    published: pd.DataFrame
    seconds: pd.DataFrame


def comparison(rows: pd.DataFrame, seed: int = 0, say: Callable[[str], None] | None = None) -> Comparison:
    """Compare methods on rows of one seed; a value is NaN if a method has no successful row.

    Arguments:
        rows: Rows from :meth:`bench.results.store.Store.read`. Rows of older versions, with other parameters,
            or with another number of samples than most have are left out.
        seed: Seed of the rows to compare.
        say: Function that receives one line about each kind of rows that are left out, or are not of a
            method's present version.

    Raises:
        UsageError: if there are no rows of this seed.
    """
    of_seed = rows[rows["seed"] == seed]
    if of_seed.empty:
        known = ", ".join(str(int(one)) for one in sorted(rows["seed"].dropna().unique())) or "(none)"
        raise UsageError(f"study one_pass: no rows of seed {seed}; there are rows of seed {known}")
    chosen = select(of_seed, say=say)
    good = chosen[(chosen["status"] == "ok") & chosen["method"].isin(METHODS)]
    if say is not None:
        _explain_versions(good, say)
    good = of_one_size(good, [*KEYS, "method"], say)
    single = good.pivot_table(index=[*KEYS, "num_observation"], columns="method", values="c2st")
    single = single.reindex(columns=list(METHODS))
    accuracy = single.groupby(level=KEYS).mean()
    unseen = single.index.get_level_values("num_observation") > NUM_SEEN
    accuracy["unseen"] = single.loc[unseen, "one_pass"].groupby(level=KEYS).mean()
    ahead = single.rsub(single["one_pass"], axis=0)
    mean_ahead = ahead.groupby(level=KEYS).mean()
    accuracy["to_npe"] = mean_ahead["npe"]
    accuracy["to_best_peer"] = mean_ahead[PEERS].max(axis=1)
    accuracy["distilled"] = mean_ahead["denoiser"]
    accuracy["distilled_worst"] = ahead["denoiser"].groupby(level=KEYS).max()
    timed, _ = times_of_one_kind(good, [*KEYS, "method"])
    train, sample = (
        timed.pivot_table(index=KEYS, columns="method", values=name).reindex(columns=list(METHODS))
        for name in ("train_s", "sample_s")
    )
    seconds = pd.concat(
        [train.add_prefix("train_"), sample.div(sample["one_pass"], axis=0).add_prefix("sample_")], axis=1
    )
    published = _published(good, accuracy.index)
    return Comparison(accuracy.reset_index(), published.reset_index(), seconds.reset_index())


def as_markdown(published: pd.DataFrame) -> str:
    """Return the second table of a comparison in Markdown, each entry by network / by forest.

    Arguments:
        published: ``published`` of a :class:`Comparison`.
    """
    known = published.dropna(
        subset=[f"{name}{suffix}" for name in OURS for _, suffix in COLUMNS.values()], how="all"
    )
    head = [
        "task, simulations",
        *(name.replace("_", " ") for name in OURS),
        "best published",
        "ours - published",
    ]
    lines = [f"| {' | '.join(head)} |", "|:--" * len(head) + "|"]
    for row in known.to_dict("records"):
        pairs = [(row[name], row[f"{name}_rf"]) for name in OURS]
        pairs += [(row[f"{name}_mlp"], row[f"{name}_rf"]) for name in ("published", "to_published")]
        values = [" / ".join("–" if pd.isna(one) else f"{one:.3f}" for one in pair) for pair in pairs]
        lines.append(f"| {row['task']}, {row['num_simulations']} | {' | '.join(values)} |")
    return "\n".join(lines)


def _explain_versions(good: pd.DataFrame, say: Callable[[str], None]) -> None:
    """Report rows of another version than the method's present one."""
    for spec, group in good.groupby("method"):
        now = methods.get(str(spec)).version
        for version, old in group[group["method_version"] != now].groupby("method_version"):
            say(f"{spec}: {len(old)} rows are of {spec}@{version}, the method is @{now} now")


def _published(rows: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Return the C2ST of one_pass's variants and the best published one by the same classifier."""
    ours = rows[rows["method"].isin(VARIANTS)].groupby(["method", *KEYS, "num_observation"])
    table = pd.DataFrame(index=index)
    for classifier, (column, suffix) in COLUMNS.items():
        means = ours[column].mean().groupby(level=["method", *KEYS]).mean().unstack("method")
        means = means.reindex(index=index, columns=VARIANTS)
        for name, method in OURS.items():
            table[name + suffix] = means[method]
        best = best_amortized(classifier).reindex(index)
        table[f"published_{classifier}"] = best["c2st_mean"]
        table[f"published_{classifier}_method"] = best["method"]
        table[f"to_published_{classifier}"] = means.min(axis=1) - best["c2st_mean"]
    return table
