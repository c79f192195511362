"""Training of sbi's networks: its options, the order of its calls, and silence."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from methods.contract.base import Method
from methods.contract.priors import UsablePrior, check_continuous, usable_prior
from methods.contract.seeding import derive_seed
from methods.sbi.units import Units

__all__ = ["SbiTraining", "quietly"]


class _NoTracker:
    """A tracker for sbi that stores nothing. The default one writes logs into the working directory."""

    log_dir: ClassVar[None] = None

    def log_metric(self, name: str, value: float, step: int | None = None) -> None: ...
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None: ...
    def log_params(self, params: dict[str, Any]) -> None: ...
    def add_figure(self, name: str, figure: Any, step: int | None = None) -> None: ...
    def flush(self) -> None: ...


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Suppress the routine output and warnings of sbi within this context."""
    # sbi prints every epoch to standard output, and nflows calls a deprecated function of torch. Data with
    # heavy tails (sir) are z-scored despite the warning, since that is sbi's default, which a row represents.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.triangular_solve is deprecated")
        warnings.filterwarnings("ignore", message="Data has extreme outliers")
        # This warning concerns draws whose leakage outside the prior is kept on purpose.
        warnings.filterwarnings("ignore", message=".*samples drawn with reject_outside_prior=False")
        # These warnings concern chains that are run for several observations at once on purpose.
        warnings.filterwarnings("ignore", message="Note that for batched sampling, we use num_chains")
        warnings.filterwarnings("ignore", message="The passed number of MCMC chains is larger")
        yield


def _with_scale(prior: Distribution) -> Distribution:
    """Return a prior whose scale sbi can find. Without finite moments (a Cauchy prior) its own map fails."""
    try:
        moments = torch.cat([prior.mean, prior.variance])
    except (AttributeError, NotImplementedError):
        return prior
    if bool(moments.isfinite().all()):
        return prior
    return UsablePrior(prior, prior.event_shape.numel(), by_density=True)


class SbiTraining(Method):
    """The base class of all adapters, with sbi's training options and the order of its calls.

    Arguments:
        training_batch_size: Number of simulations per training step.
        learning_rate: Learning rate of Adam.
        stop_after_epochs: Number of epochs without a lower validation loss after which training ends.
        max_num_epochs: Maximum number of epochs.
    """

    version = "2"
    least: ClassVar[int] = 3  # Smallest number of simulations: sbi holds one out, and one has no scale.
    training_batch_size: int = Field(default=200, ge=1)
    learning_rate: float = Field(default=5e-4, gt=0)
    stop_after_epochs: int = Field(default=20, ge=1)
    max_num_epochs: int = Field(default=2**31 - 1, ge=1)

    @abstractmethod
    def _trainer(self, **common: Any) -> Any:
        """Return sbi's trainer object, built with the common arguments."""

    @contextlib.contextmanager
    def training(
        self, prior: Distribution, theta: Tensor, x: Tensor, device: str, seed: int
    ) -> Iterator[tuple[Any, Any, Units]]:
        """Train sbi's estimator in a context that gives trainer, estimator and units.

        The context suppresses sbi's output.

        Arguments:
            prior: Prior of theta.
            theta: Parameters of the simulations, ``(K, dim_theta)``.
            x: Data of the simulations, ``(K, dim_x)``.
            device: Device to train on, ``"cpu"`` or ``"cuda"``.
            seed: Seed for all randomness. Torch's global random state is restored at the end of the context.

        Raises:
            ModuleNotFoundError: If sbi is not installed.
            ValueError: If there are fewer simulations than sbi can train on.
        """
        if len(theta) < self.least:
            raise ValueError(f"{len(theta)} simulations: {self.name} needs at least {self.least}")
        from sbi.utils.torchutils import move_all_tensor_to_device
        from sbi.utils.user_input_checks import process_prior

        units = Units.fit(_with_scale(usable_prior(prior, theta.shape[1])), theta, x)
        with quietly(), torch.random.fork_rng():
            torch.manual_seed(derive_seed("sbi training", seed))
            own_prior, _, _ = process_prior(copy.deepcopy(units.prior))
            if device != "cpu":
                # Distributions of torch have no method `to`.
                move_all_tensor_to_device(own_prior, device)
            trainer = self._trainer(
                prior=own_prior, device=device, tracker=_NoTracker(), show_progress_bars=False
            )
            trainer.append_simulations(units.theta(theta), units.x(x))
            estimator = trainer.train(
                training_batch_size=self.training_batch_size,
                learning_rate=self.learning_rate,
                stop_after_epochs=self.stop_after_epochs,
                max_num_epochs=self.max_num_epochs,
            )
            yield trainer, estimator, units

    def check_prior(self, prior: Distribution) -> None:
        """Raise ValueError if a parameter takes whole numbers only."""
        check_continuous(prior, self.name)

    def warm_up(self, device: str = "cpu") -> None:
        """Import sbi and train the same network for two epochs on 20 pairs of random numbers."""
        normal = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
        generator = torch.Generator().manual_seed(derive_seed("warm-up", 0))
        theta, x = torch.randn(2, 20, 2, generator=generator)
        tiny = self.model_copy(update={"max_num_epochs": 2})
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Maximum number of epochs")
            with tiny.training(normal, theta, x, device, seed=0):
                pass
