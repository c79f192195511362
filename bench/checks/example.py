"""A method on a small problem: fitted once, and sampled once in each way, for all its checks."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.checks import problem
from bench.checks.finding import NotApplicableError
from bench.checks.observed import Observed, observe
from bench.checks.problem import PriorName
from methods import Method, Posterior
from methods.baselines.method import HeldOutDraws
from tasks.contract.seeding import derive_seed

__all__ = ["Drawn", "Example", "Fitted", "isolated", "malformed"]

NUM_SAMPLES = 100  # of each posterior


@dataclass(frozen=True)
class Fitted:
    """What a fit gave.

    Attributes:
        posterior: The posterior; None if the fit raised.
        error: What the fit raised.
        touched: Global random states that the fit changed: ``torch``, ``numpy``.
    """

    posterior: Posterior | None
    error: BaseException | None
    touched: list[str]


@dataclass(frozen=True)
class Drawn:
    """What sampling gave.

    Attributes:
        theta: The samples.
        nfe: What the posterior says of its evaluations.
        rows: Rows evaluated, counted from outside; None if that is not possible.
        seen: All that ran.
        touched: Global random states that were changed and must not be: ``numpy``.
    """

    theta: Tensor
    nfe: float
    rows: float | None
    seen: Observed
    touched: list[str]


class Example:
    """A method, the problem, and what came of it.

    Arguments:
        method: The method; it is fitted when a result of the fit is first asked for.
        num_samples: Samples drawn of each posterior.

    Attributes:
        method: The method.
        num_samples: Samples drawn of each posterior.
        x_o: Two observations without noise, ``(2, 4)``.
    """

    def __init__(self, method: Method, num_samples: int = NUM_SAMPLES) -> None:
        self.method, self.num_samples = method, num_samples
        self.x_o = problem.observations()
        self._likelihood_rows = 0

    @cached_property
    def fitted(self) -> Fitted:
        """The fit under the uniform prior."""
        return self.fit("uniform")

    @cached_property
    def fitted_normal(self) -> Fitted:
        """The fit under the normal prior."""
        return self.fit("normal")

    @property
    def posterior(self) -> Posterior:
        """The posterior under the uniform prior.

        Raises:
            NotApplicableError: if the fit failed, which the check of the fit reports.
        """
        return _posterior(self.fitted)

    @property
    def posterior_normal(self) -> Posterior:
        """The posterior under the normal prior.

        Raises:
            NotApplicableError: if the fit failed, which the check of the fit reports.
        """
        return _posterior(self.fitted_normal)

    @cached_property
    def sampling(self) -> tuple[str, BaseException | None]:
        """What is wrong with samples, if anything, and the exception behind it, if there is one.

        With the uniform prior both ways of sampling are tried, with the normal prior one.
        """
        try:
            shape, num_x = (self.num_samples, problem.DIM_THETA), len(self.x_o)
            wrong = (
                malformed("sample", self.single.theta, shape)
                or malformed("sample_batched", self.batched.theta, (shape[0], num_x, problem.DIM_THETA))
                or malformed("with a normal prior, sample", self.single_normal.theta, shape)
            )
        except NotApplicableError:
            raise
        except (Exception, SystemExit) as error:
            return f"{type(error).__name__}: {error}", error
        return wrong, None

    @cached_property
    def single(self) -> Drawn:
        """Samples for the second observation, ``(num_samples, 2)``."""
        return self.draw(self.posterior, self.x_o[1:])

    @cached_property
    def batched(self) -> Drawn:
        """Samples for both observations, ``(num_samples, 2, 2)``."""
        return self.draw(self.posterior, self.x_o, batched=True)

    @cached_property
    def single_normal(self) -> Drawn:
        """Samples for the first observation under the normal prior, ``(num_samples, 2)``."""
        return self.draw(self.posterior_normal, self.x_o[:1])

    @property
    def outside(self) -> tuple[int, int]:
        """How many samples are outside the uniform prior, and of how many."""
        theta = torch.cat([self.single.theta, self.batched.theta.flatten(0, 1)])
        return int((theta.abs() > problem.BOUND).any(dim=1).sum()), len(theta)

    def fit(self, prior: PriorName, device: str = "cpu", global_seed: int = 1) -> Fitted:
        """Fit the method. Whatever it raises is kept, ``KeyboardInterrupt`` excepted.

        Arguments:
            prior: Which of the two priors.
            device: Where the fit computes, ``"cpu"`` or ``"cuda"``.
            global_seed: Seed of torch's global random state, on which the fit must not depend.
        """
        distribution, (theta, x) = problem.prior(prior), problem.simulations(prior)
        with isolated(global_seed):
            before = _states()
            try:
                method = self.method.with_likelihood(self._log_likelihood)
                posterior = method.fit(distribution, theta, x, device=device, seed=derive_seed("check fit"))
                if not isinstance(posterior, Posterior):
                    raise TypeError(f"fit gives a {type(posterior).__name__}, not a Posterior")
            except (Exception, SystemExit) as error:
                return Fitted(None, error, [])
            touched = [name for name, state in _states().items() if state != before[name]]
        if isinstance(posterior, HeldOutDraws):
            for row in self.x_o:
                posterior.hold(row[None], theta)
        return Fitted(posterior, None, touched)

    def draw(self, posterior: Posterior, x: Tensor, *, batched: bool = False) -> Drawn:
        """Sample under a seed, the same at every call in one way of sampling, and observe what runs.

        Arguments:
            posterior: The posterior.
            x: One observation ``(1, 4)``, or several for ``sample_batched``.
            batched: Whether to call ``sample_batched``.
        """
        self._likelihood_rows = 0
        draw = posterior.sample_batched if batched else posterior.sample
        with isolated("sample_batched" if batched else "sample"), observe() as seen:
            before = _states()["numpy"]
            theta = draw((self.num_samples,), x=x)
            touched = ["numpy"] if _states()["numpy"] != before else []
        rows = seen.rows(posterior)
        rows = None if rows is None else rows + self._likelihood_rows
        return Drawn(theta, posterior.nfe, rows, seen, touched)

    def _log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        self._likelihood_rows += len(theta)
        return problem.log_likelihood(theta, x)


def malformed(name: str, theta: Tensor, shape: tuple[int, ...]) -> str:
    """What is wrong with samples that should have a shape; empty if nothing is.

    Arguments:
        name: Name of what gave them, for the message.
        theta: The samples.
        shape: Shape that they should have, ``(..., dim_theta)``.
    """
    if not isinstance(theta, Tensor):
        return f"{name} gives a {type(theta).__name__}, not a tensor"
    if theta.shape != shape or theta.dtype != torch.float32:
        return f"{name} gives {tuple(theta.shape)} of {theta.dtype}, not {shape} of torch.float32"
    if theta.requires_grad:
        return f"{name} gives samples that require a gradient"
    bad = int((~theta.isfinite()).any(dim=-1).sum())
    return f"{bad} of {theta[..., 0].numel()} samples of {name} are not finite" if bad else ""


@contextlib.contextmanager
def isolated(seed: int | str) -> Iterator[None]:
    """A context with torch's global state seeded, from a number or a word, and restored afterwards.

    The global states of numpy and of Python are restored too.

    Warnings are not shown in it: what a method warns of on a problem this small is no news.
    """
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(derive_seed("check of a method", seed))
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _posterior(fitted: Fitted) -> Posterior:
    if fitted.posterior is None:
        raise NotApplicableError("the fit failed")
    return fitted.posterior


def _states() -> dict[str, bytes]:
    """Torch's and numpy's global random states; torch's for every device."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    on_torch = b"".join(state.numpy().tobytes() for state in [torch.random.get_rng_state(), *devices])
    on_numpy: dict[str, Any] = np.random.get_state(legacy=False)
    counters = {key: value for key, value in on_numpy.items() if key != "state"}
    state = on_numpy["state"]
    return {"torch": on_torch, "numpy": state["key"].tobytes() + repr((state["pos"], counters)).encode()}
