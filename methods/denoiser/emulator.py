"""An emulator of the simulator: a denoiser of the data's columns given theta.

If the likelihood is simpler than the posterior, it can be learned from fewer simulations. The emulator then
makes many more pairs for training the posterior. Their theta are exact, since they are drawn from the prior.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.contract.seeding import derive_seed
from methods.denoiser.density import learn_density
from methods.denoiser.flow import DenoiserFlow
from methods.denoiser.regression import MeanRegression
from methods.learning.sizes import Sizes
from methods.transforms.standardizer import Standardizer
from methods.transforms.unbounded import Unbounded

__all__ = ["Emulator"]


class Emulator:
    """A learned simulator. It is trained when it is constructed, and then draws data for any theta.

    Arguments:
        prior: Prior of theta.
        theta: Parameters of the simulations, ``(K, dim_theta)``.
        columns: Encoded data of the simulations, of unit scale, ``(K, dim_columns)``.
        held: Numbers of the held-out rows, which decide when training ends.
        rest: Numbers of the rows to train on.
        sizes: Size and training of the networks, with the seed for all randomness.
    """

    def __init__(
        self,
        prior: Distribution,
        theta: Tensor,
        columns: Tensor,
        held: Tensor,
        rest: Tensor,
        sizes: Sizes,
    ) -> None:
        self._prior, self._seed, self._dim = prior, sizes.seed, columns.shape[1]
        self._plain = Unbounded(prior).plain
        self._scale = Standardizer.fit(self._plain(theta))
        inputs = self._features(theta)
        self._regression = MeanRegression(inputs[rest], columns[rest], sizes.seed)
        residual = torch.empty_like(columns)
        residual[rest] = self._regression.whitened
        residual[held] = self._regression.whiten(inputs[held], columns[held])
        learned = learn_density(residual, inputs, held, rest, sizes)
        self._conditional, self._flow = learned.conditional, DenoiserFlow(learned.network)
        self._low, self._high = columns[rest].min(dim=0).values, columns[rest].max(dim=0).values

    def sample(self, n: int) -> tuple[Tensor, Tensor]:
        """Draw theta ``(n, dim_theta)`` from the prior and columns ``(n, dim_columns)`` given theta.

        The columns are clipped to the range of the training simulations, beyond which the emulator has no
        information.
        """
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed("emulated simulations", self._seed))
            theta = self._prior.sample((n,)).to(self._low)
            z = torch.randn(n, self._dim).to(self._low)
        inputs = self._features(theta)
        residual = self._flow(z, inputs)
        if self._conditional is not None:
            with torch.no_grad():
                residual = self._conditional.colour(residual, inputs)
        columns = self._regression(inputs, residual)
        return theta, torch.minimum(torch.maximum(columns, self._low), self._high)

    def _features(self, theta: Tensor) -> Tensor:
        return self._scale(self._plain(theta)).float()
