"""The whole study of outsourced diffusion: a policy and Markov chains with equal numbers of reward calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from bench.clock.timing import timed
from bench.results.figures.style import save
from bench.run.simulation_cache import simulate
from bench.run.warm_up import warm_up
from bench.studies.outsourced import CountedReward, Measured, hmc, measured, random_walk, shuffled
from bench.studies.outsourced.figures import classes_figure, halves_figure
from methods.outsourced import Outsourced, OutsourcedPosterior
from tasks.contract.seeding import derive_seed
from tasks.digits.generator_prior import GeneratorPrior
from tasks.digits.label_task import LabelTask
from tasks.digits.prior_task import HalfTask

__all__ = ["TASKS", "outsourced_study"]

Draw = Callable[[int], Tensor]

TASKS = ("digits_label", "digits_prior")
POLICY, UNWEIGHED, STUDENT = "outsourced", "outsourced, unweighed", "outsourced, distilled"
CHAINS = {"hmc": hmc, "random_walk": random_walk}


def outsourced_study(
    tasks: Sequence[GeneratorPrior],
    out: Path,
    say: Callable[[str], None],
    *,
    num_simulations: int = 10_000,
    num_samples: int = 1000,
    method: Outsourced | None = None,
) -> pd.DataFrame:
    """Train a policy on the exact likelihood, and give Markov chains as many reward calls as it used.

    Training serves all observations. The chains of one observation may therefore call the reward as often as
    training did, divided by the number of observations, plus as often as the policy's candidates for one
    observation do. The policy without weights and its student need no calls after training.

    Arguments:
        tasks: Tasks whose prior is a generator.
        out: Directory for ``samplers.csv`` and figures.
        say: Function that receives one line about each step.
        num_simulations: Number of simulations to train the policy on.
        num_samples: Number of samples per observation, at most half of the number of reference draws.
        method: Settings of the policy; None for the defaults with ``reward=likelihood``.

    Returns:
        A row for each task and sampler: ``task, sampler, reward_calls`` (per observation), ``train_s``
        (seconds) and the columns of :func:`bench.studies.outsourced.measured`. The sampler ``reference`` is
        the half of the reference draws that the others are not compared with.
    """
    out.mkdir(parents=True, exist_ok=True)
    tables = []
    for task in tasks:
        found = _compared(task, method or Outsourced(reward="likelihood"), num_simulations, num_samples, say)
        tables.append(pd.DataFrame([kept.row for kept in found.values()]))
        figure = _picture(task, {sampler: kept.samples for sampler, kept in found.items()})
        save(figure, out / "figures", f"outsourced_{task.name}")
        plt.close(figure)
    table = pd.concat(tables, ignore_index=True)
    table.to_csv(out / "samplers.csv", index=False)
    return table


def _compared(
    task: GeneratorPrior,
    method: Outsourced,
    num_simulations: int,
    num_samples: int,
    say: Callable[[str], None],
) -> dict[str, Measured]:
    """Return the row and the samples of each sampler, by its name."""
    seed = derive_seed("outsourced policy", task.name)
    data = simulate(task, num_simulations, 0)
    reward = CountedReward(task.log_likelihood)
    say(f"{task.name}: training the policy")
    warm_up(method, "cpu")
    policy, train_s = timed(
        lambda: method.with_likelihood(reward).fit(task.prior(), data.theta, data.x, seed=seed), "cpu"
    )
    assert isinstance(policy, OutsourcedPosterior)  # noqa: S101  (distillation was not requested)
    say(f"{task.name}: its student")
    student_seed = derive_seed("outsourced student", task.name)
    student, student_s = timed(lambda: method.student_of(policy, data.x, student_seed), "cpu")
    trained = reward.calls // task.num_observations
    calls = trained + (num_samples * policy.candidates if policy.log_reward else 0)
    say(f"{task.name}: {reward.calls} reward calls in training; {calls} for the chains of each observation")

    def drawn(sample: Callable[..., Tensor], k: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("outsourced draws", task.name, k))
            return sample((num_samples,), x=task.observation(k))

    def chain(name: str, k: int) -> Tensor:
        chain_seed = derive_seed("outsourced chain", name, task.name, k)
        return CHAINS[name](task.log_likelihood, task.observation(k), task.dim_theta, calls, chain_seed)

    draws: dict[str, Draw] = {
        "reference": partial(_other_half, task),
        POLICY: partial(drawn, policy.sample),
        UNWEIGHED: partial(drawn, policy.unweighed().sample),
        STUDENT: partial(drawn, student.sample),
        **{name: partial(chain, name) for name in CHAINS},
    }
    asked = {"reference": 0, UNWEIGHED: trained, STUDENT: trained}
    train = {POLICY: train_s, UNWEIGHED: train_s, STUDENT: train_s + student_s}
    found = {}
    for name, draw in draws.items():
        say(f"{task.name}: {name}")
        row, samples = measured(task, draw, num_samples)
        costs = {"reward_calls": asked.get(name, calls), "train_s": train.get(name, 0.0)}
        known = {"task": task.name, "sampler": name} | costs
        found[name] = Measured(known | row, samples)
    return found


def _other_half(task: GeneratorPrior, k: int) -> Tensor:
    """Return the reference draws that the other samplers are not compared with."""
    reference = task.reference_samples(k)
    assert reference is not None  # noqa: S101  (these tasks have a reference posterior)
    return shuffled(task.name, k, reference)[len(reference) // 2 :]


def _picture(task: GeneratorPrior, samples: dict[str, dict[int, Tensor]]) -> Figure:
    if isinstance(task, LabelTask):
        return classes_figure(task, {name: drawn for name, drawn in samples.items() if name != UNWEIGHED})
    assert isinstance(task, HalfTask)  # noqa: S101  (there are no other kinds)
    return halves_figure(task, POLICY, samples[POLICY])
