"""Seconds of sampling by the one-pass methods, as whole calls and for the networks alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Independent, Uniform

import methods
from bench.gpu.measured import Aim, Measured, Setting, repeated
from bench.run.warm_up import warm_up
from methods.contract.counting import Evaluations
from methods.learning.precision import fast_products
from methods.student import OnePassPosterior
from methods.student.replay import Replayed
from tasks.contract.seeding import derive_seed

__all__ = ["AIM", "METHODS", "network_inputs", "one_pass_samples", "sampling"]

# Networks of the default sizes, trained for a few steps: their speed does not depend on the training.
METHODS = {
    "one_pass": "one_pass[training_steps=20,num_emulated=0,num_labels=1000,student_steps=20]",
    "exact_score_net": "exact_score_net[num_labels=1000,training_steps=20]",
}
SHAPES = ((10_000, 1), (1, 1), (100, 1), (1_000_000, 1), (100, 1000))  # samples, observations
AIM = Aim(2e-4)  # of 10 000 samples of one observation
AIMED = SHAPES[0]
IN_A_ROW = 20
NEW = itertools.count(1001, 2)  # numbers of samples that nothing else asks for


def one_pass_samples(setting: Setting) -> Iterator[Measured]:
    """Yield seconds of sampling for both methods and all shapes.

    The simulations are of a plain Gaussian with a uniform prior in two dimensions, so this part needs no
    task. x lies on the host before a call, as it does for a user.
    """
    prior = Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("gpu simulations"))
        theta = prior.sample((1000,))
        x = theta + 0.1 * torch.randn(1000, 2)
    for name, spec in METHODS.items():
        method = methods.get(spec)
        warm_up(method, setting.device)
        posterior = method.fit(prior, theta, x, device=setting.device, seed=derive_seed("gpu one-pass fit"))
        assert isinstance(posterior, OnePassPosterior)  # noqa: S101 (for the type checker)
        for shape in SHAPES:
            yield from sampling(name, posterior, x, shape, setting)


def sampling(
    name: str, posterior: OnePassPosterior, x: Tensor, shape: tuple[int, int], setting: Setting
) -> Iterator[Measured]:
    """Yield the seconds of one call, of one of many calls in a row, and of the network alone.

    - ``call``: :meth:`OnePassPosterior.sample_batched`, from x on the host to theta on the device.
    - ``call, 20 in a row``: the same, without a wait for the device between calls.
    - ``network``: noise and the pass through the student, recorded as one CUDA graph, with x already encoded
      and theta not decoded.

    Arguments:
        name: Name of the method.
        posterior: Fitted posterior.
        x: Data to condition on, ``(B, dim_x)`` with B at least the number of observations.
        shape: Numbers of samples and observations.
        setting: Device and scale of the numbers of samples.
    """
    aim = AIM if shape == AIMED else None
    n, size = setting.count(shape[0]), setting.count(shape[1])
    x = x[:size]
    sizes: dict[str, Any] = {"samples": n, "observations": len(x)}

    def call() -> Tensor:
        return posterior.sample_batched((n,), x=x)

    _, measured = repeated(call, setting, name, "call", sizes, aim)
    yield measured

    def many() -> None:
        for _ in range(IN_A_ROW):
            call()

    if measured.value < 1e-2:
        _, row = repeated(many, setting, name, f"{IN_A_ROW} calls in a row", sizes)
        yield Measured(
            name,
            f"call, {IN_A_ROW} in a row",
            row.value / IN_A_ROW,
            "s",
            sizes,
            aim,
            row.num_calls,
            row.iqr / IN_A_ROW,
        )
    z, c = network_inputs(posterior, x)
    one_graph = Replayed(lambda c: _pass(posterior, n, z, c), Evaluations())
    with fast_products(c.device):
        _, measured = repeated(lambda: one_graph(c), setting, name, "network", sizes, aim)
    yield measured


def _pass(posterior: OnePassPosterior, n: int, like: Tensor, c: Tensor) -> Tensor:
    """Return samples ``(n, B, dim_theta)`` in the student's units for encoded data c ``(B, dim_c)``."""
    z = torch.randn(n, *like.shape[1:], device=c.device)
    for student in posterior.students:
        z = student(z, c)
    return z


def network_inputs(posterior: OnePassPosterior, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return noise ``(1, B, dim_theta)`` and encoded x ``(B, dim_c)`` that reach the first student for x.

    Arguments:
        posterior: Posterior, which is sampled once for each x.
        x: Data to condition on, ``(B, dim_x)``.
    """
    seen: list[tuple[Tensor, Tensor]] = []
    student = posterior.students[0]
    # A replayed graph runs no hooks, but a new shape is first run without a graph.
    handle = student.register_forward_pre_hook(lambda module, given: seen.append(given))
    try:
        posterior.sample_batched((next(NEW),), x=x)
    finally:
        handle.remove()
    z, c = seen[0]
    return z[:1].clone(), c.clone()
