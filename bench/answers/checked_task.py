"""A task whose answers are converted, or refused in one line that says what came and what was wanted.

The benchmark asks every task through this wrapper. A simulator receives a copy of theta, so it may change its
argument. It may return an array, a list or a tensor of any real type, on any device. Random numbers from the
global states of torch, numpy and Python are seeded too, so a simulator that draws from them is repeatable.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from methods.contract.priors import PriorError, usable_prior
from tasks import Task
from tasks.contract.seeding import derive_seed

__all__ = ["AnswerError", "CheckedTask", "as_floats", "checked"]


class AnswerError(ValueError):
    """A task or a method gave something that cannot be used; the message says what was wanted."""


def checked(task: Task) -> CheckedTask:
    """Return the task with checked answers; a task that is checked already is returned unchanged."""
    if isinstance(task, CheckedTask):
        return task
    has_likelihood = type(task).log_likelihood is not Task.log_likelihood
    return _WithLikelihood(task) if has_likelihood else CheckedTask(task)


def as_floats(values: Any, shape: tuple[int | None, ...] | None, what: str) -> Tensor:
    """Return numbers as a new float32 tensor on the CPU, without gradients.

    Arguments:
        values: Tensor, numpy array, or nested list of numbers.
        shape: Wanted shape, in which None stands for any size; None for any shape.
        what: Name of what gave the values, which begins the message.

    Raises:
        AnswerError: if the values are no real numbers, or have another shape.
    """
    wanted = "" if shape is None else ", ".join("N" if size is None else str(size) for size in shape)
    tensor = _tensor(values)
    if tensor is None:
        kind = f"a tensor of {values.dtype}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
        raise AnswerError(
            f"{what} gives {kind}, not real numbers" + (f" of shape ({wanted})" if wanted else "")
        )
    fits = shape is None or (
        len(shape) == tensor.dim()
        and all(size is None or size == there for size, there in zip(shape, tensor.shape, strict=True))
    )
    if not fits:
        raise AnswerError(f"{what} gives {tuple(tensor.shape)}, not ({wanted})")
    return tensor.to("cpu", torch.float32, copy=True).contiguous()


def _tensor(values: Any) -> Tensor | None:
    """Return the values as a dense tensor of real numbers; None if they are something else."""
    if values is None or isinstance(values, str | bytes):
        return None
    try:
        if isinstance(values, list | tuple) and values and all(isinstance(one, Tensor) for one in values):
            values = torch.stack([one.detach() for one in values])
        if np.ma.isMaskedArray(values):
            values = np.ma.filled(values.astype(float), np.nan)
        if not isinstance(values, Tensor):
            values = np.asarray(values)
            values = torch.from_numpy(
                values.astype(np.float64 if values.dtype.kind in "iufO" else values.dtype)
            )
    except (TypeError, ValueError, RuntimeError):
        return None
    values = values.detach()
    if values.is_complex():
        return None
    return values if values.layout is torch.strided else values.to_dense()


class CheckedTask(Task):
    """A task that asks another one, see this module; :func:`checked` makes it.

    An observation is asked for once and then kept, so that a slow simulator does not run again.

    Arguments:
        task: Task to ask.

    Attributes:
        plain: The task itself.
    """

    plain: Task

    def __init__(self, task: Task) -> None:
        vars(self).update(
            plain=task,
            name=task.name,
            version=task.version,
            card=task.card,
            dim_theta=int(task.dim_theta),
            dim_x=int(task.dim_x),
            num_observations=int(task.num_observations),
            _observations={},
        )

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that only the task itself has."""
        if name == "plain" or name.startswith("__"):  # not there yet while this is unpickled
            raise AttributeError(name)
        return getattr(self.plain, name)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Name of each parameter, ``dim_theta`` of them.

        Raises:
            AnswerError: if the task gives another number of names, or something else.
        """
        names = self.plain.parameter_names
        fits = isinstance(names, tuple | list) and all(isinstance(name, str) for name in names)
        if not fits or len(names) != self.dim_theta:
            raise AnswerError(f"task {self.name}: parameter_names is {names!r}, not {self.dim_theta} names")
        return tuple(names)

    def prior(self) -> Distribution:
        """The prior as a distribution with event_shape ``(dim_theta,)``.

        Raises:
            AnswerError: if it is nothing that can be sampled, or has another number of parameters.
        """
        if not callable(self.plain.prior):
            kind = type(self.plain.prior).__name__
            raise AnswerError(
                f"task {self.name}: prior is of type {kind}, not a method: write def prior(self)"
            )
        try:
            return usable_prior(self.plain.prior(), self.dim_theta)
        except PriorError as error:
            raise AnswerError(f"task {self.name}: {error}") from error

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Data ``(N, dim_x)`` of theta ``(N, dim_theta)``; theta is left unchanged.

        Raises:
            AnswerError: if the simulator gives something else.
        """
        with _seeded(seed):
            x = self.plain.simulate(theta.detach().clone(), seed=seed)
        return as_floats(x, (len(theta), self.dim_x), f"task {self.name}: simulate")

    def true_theta(self, num_observation: int) -> Tensor | None:
        """The parameters of an observation, ``(1, dim_theta)``, or None if unknown.

        Raises:
            AnswerError: if the task gives something else.
        """
        if type(self.plain).true_theta is Task.true_theta:
            return super().true_theta(num_observation)
        with _seeded(derive_seed("global state of true theta", num_observation)):
            theta = self.plain.true_theta(num_observation)
        what = f"task {self.name}: true_theta({num_observation})"
        return None if theta is None else as_floats(theta, (1, self.dim_theta), what)

    def observation(self, num_observation: int) -> Tensor:
        """An observation, ``(1, dim_x)``.

        Raises:
            AnswerError: if it has another shape or is not finite.
        """
        if num_observation not in self._observations:
            self._observations[num_observation] = self._observation(num_observation)
        return self._observations[num_observation].clone()

    def _observation(self, num_observation: int) -> Tensor:
        if type(self.plain).observation is Task.observation:
            x_o = super().observation(num_observation)
        else:
            with _seeded(derive_seed("global state of observation", num_observation)):
                x_o = self.plain.observation(num_observation)
        what = f"task {self.name}: observation({num_observation})"
        x_o = as_floats(x_o, (1, self.dim_x), what)
        bad = (~x_o[0].isfinite()).nonzero().flatten().tolist()
        if bad:
            first = f"the first is entry {bad[0]}, {float(x_o[0, bad[0]])}"
            raise AnswerError(f"{what}: {len(bad)} of {self.dim_x} entries are not finite; {first}")
        return x_o

    def reference_samples(self, num_observation: int) -> Tensor | None:
        """Draws from the reference posterior, ``(N, dim_theta)``, or None if there is no reference.

        Raises:
            AnswerError: if they have another shape or are not finite.
        """
        with _seeded(derive_seed("global state of reference samples", num_observation)):
            draws = self.plain.reference_samples(num_observation)
        if draws is None:
            return None
        what = f"task {self.name}: reference_samples({num_observation})"
        draws = as_floats(draws, (None, self.dim_theta), what)
        bad = int((~draws.isfinite().all(dim=1)).sum())
        if bad:
            raise AnswerError(f"{what} has {bad} of {len(draws)} rows that are not finite")
        return draws

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor | None:
        """See :meth:`tasks.Task.marginal_quantiles`."""
        return self.plain.marginal_quantiles(num_observation, levels)

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal | None:
        """See :meth:`tasks.Task.gaussian_posterior`."""
        return self.plain.gaussian_posterior(num_observation)

    def _seed(self, purpose: str, num_observation: int) -> int:
        return self.plain._seed(purpose, num_observation)

    def check_observation(self, num_observation: int) -> None:
        """See :meth:`tasks.Task.check_observation`."""
        self.plain.check_observation(num_observation)


class _WithLikelihood(CheckedTask):
    """A checked task whose likelihood is tractable."""

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """See :meth:`tasks.Task.log_likelihood`; theta and x are left unchanged."""
        found = self.plain.log_likelihood(theta.clone(), x.clone())
        return found if isinstance(found, Tensor) else torch.as_tensor(np.asarray(found)).to(theta)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global random states of torch (of the CPU), numpy and Python, and restore them at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        # Generators of GPUs are left alone: a method may be sampling with them.
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
