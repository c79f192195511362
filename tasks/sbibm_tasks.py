"""Eight of sbibm's tasks, simulated by sbibm itself; ``sir`` and ``lotka_volterra`` have files of their own.

The priors are rebuilt from sbibm's definitions as plain torch distributions, so that any method can move
them to a device or ask for their support. Likelihoods are written out where sbibm has none or where its
own leaves out a factor that depends on theta or x.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, MultivariateNormal, Normal, Uniform

from tasks.base import Card
from tasks.marginals import grid_quantiles
from tasks.registry import register_task
from tasks.sbibm_data import SBIBM, SbibmTask

__all__ = [
    "SLCP",
    "BernoulliGLM",
    "BernoulliGLMRaw",
    "GaussianLinear",
    "GaussianLinearUniform",
    "GaussianMixture",
    "SLCPDistractors",
    "TwoMoons",
]


class SimulatedBySbibm(SbibmTask):
    """Adapter over a simulator of sbibm's, which draws from torch's global generator through pyro."""

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Run sbibm's own simulator under ``torch.manual_seed(seed)``; ``(N, dim_x)``, float32."""
        simulator = self._sbibm_task.get_simulator()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return simulator(theta.detach().cpu().float()).float()

    @cached_property
    def _sbibm_task(self) -> Any:
        import sbibm

        return sbibm.get_task(self.name)


def box(bound: float, dim: int) -> Distribution:
    """Uniform prior on [-bound, bound]^dim."""
    return Independent(Uniform(-bound * torch.ones(dim), bound * torch.ones(dim)), 1)


@register_task("gaussian_linear")
class GaussianLinear(SimulatedBySbibm):
    """x ~ N(theta, 0.1 I) under theta ~ N(0, 0.1 I), both in ten dimensions."""

    folder = "gaussian_linear"
    dim_theta, dim_x = 10, 10
    card = Card(
        summary="Mean of a ten-dimensional Gaussian under a Gaussian prior (unimodal, closed form).",
        noise="Gaussian, variance 0.1 in each dimension",
        reference="exact draws of the Gaussian posterior",
        certificate="closed form",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """N(0, 0.1 I): sbibm's prior_scale is a variance."""
        return MultivariateNormal(torch.zeros(10), covariance_matrix=0.1 * torch.eye(10))

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log N(x; theta, 0.1 I), ``(N,)``."""
        return Normal(theta, math.sqrt(0.1)).log_prob(x).sum(-1)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Of N(x / 2, 0.05 I), ``(Q, 10)``."""
        x = self.observation(num_observation).double()
        return Normal(0.5 * x, math.sqrt(0.05)).icdf(levels.double()[:, None])

    def gaussian_posterior(self, num_observation: int) -> MultivariateNormal | None:
        """N(x / 2, 0.05 I), float64."""
        x = self.observation(num_observation)[0].double()
        return MultivariateNormal(0.5 * x, covariance_matrix=0.05 * torch.eye(10, dtype=torch.float64))


@register_task("gaussian_linear_uniform")
class GaussianLinearUniform(GaussianLinear):
    """As gaussian_linear, under theta ~ U(-1, 1)^10."""

    folder = "gaussian_linear_uniform"
    card = Card(
        summary="Mean of a ten-dimensional Gaussian under a uniform prior (posteriors cut by the bounds).",
        noise="Gaussian, variance 0.1 in each dimension",
        reference="draws of the Gaussian likelihood, those outside the prior rejected",
        certificate="exact by rejection",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-1, 1]^10."""
        return box(1.0, 10)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Of N(x, 0.1 I) cut off at -1 and 1, ``(Q, 10)``."""
        x = self.observation(num_observation).double()
        lower, upper = -torch.ones_like(x), torch.ones_like(x)
        whole = Normal(x, math.sqrt(0.1))
        low, high = whole.cdf(lower), whole.cdf(upper)
        return whole.icdf(low + levels.double()[:, None] * (high - low))

    def gaussian_posterior(self, num_observation: int) -> None:
        """None: the bounds cut the normal off."""
        return None


@register_task("gaussian_mixture")
class GaussianMixture(SimulatedBySbibm):
    """x from an equal mixture of N(theta, I) and N(theta, 0.01 I), theta ~ U(-10, 10)^2."""

    folder = "gaussian_mixture"
    dim_theta, dim_x = 2, 2
    card = Card(
        summary="Common mean of two Gaussians, one ten times as wide as the other (a spike on a broad base).",
        noise="equal mixture of standard deviations 1 and 0.1, shared by both dimensions",
        reference="draws of the mixture centred on x, those outside the prior rejected",
        certificate="exact by rejection; sbibm 1.1.0 has the corrected simulator",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-10, 10]^2."""
        return box(10.0, 2)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log of the two-component mixture density, ``(N,)``."""
        parts = [Normal(theta, scale).log_prob(x).sum(-1) for scale in (1.0, 0.1)]
        return torch.logaddexp(*parts) - math.log(2.0)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """From the posterior density on a grid six standard deviations wide to either side, ``(Q, 2)``."""
        x = self.observation(num_observation).double()
        low, high = ((x[0] + offset).clamp(-10.0, 10.0) for offset in (-6.0, 6.0))
        return grid_quantiles(lambda theta: self.log_likelihood(theta, x), low, high, levels)


@register_task("two_moons")
class TwoMoons(SimulatedBySbibm):
    """A crescent whose position is a folded rotation of theta: two crescents as the posterior."""

    folder = "two_moons"
    dim_theta, dim_x = 2, 2
    card = Card(
        summary="Two crescent-shaped modes, locally thin and globally separate.",
        noise="radius N(0.1, 0.01²), angle uniform on (-π/2, π/2)",
        reference="exact draws by inverting the simulator",
        certificate="closed form",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-1, 1]^2."""
        return box(1.0, 2)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta), ``(N,)``: radius and angle are independent, and d(u, v) = r dr da.

        The factor 1/r is in (sbibm's own likelihood leaves it out; its reference samples have it).
        """
        root = math.sqrt(0.5)
        u = x[:, 0] + (theta[:, 0] + theta[:, 1]).abs() * root - 0.25
        v = x[:, 1] - (theta[:, 1] - theta[:, 0]) * root
        r = torch.hypot(u, v)
        log_p = Normal(0.1, 0.01).log_prob(r) - math.log(math.pi) - r.clamp_min(1e-30).log()
        return torch.where(u > 0, log_p, -torch.inf)

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """From the posterior density on a grid over the prior's box, ``(Q, 2)``."""
        x = self.observation(num_observation).double()
        corner = torch.ones(2)
        return grid_quantiles(lambda theta: self.log_likelihood(theta, x), -corner, corner, levels, 2000)


@register_task("slcp")
class SLCP(SimulatedBySbibm):
    """Simple likelihood, complex posterior: four draws of a 2-D Gaussian with five parameters."""

    folder = "slcp"
    dim_theta, dim_x = 5, 8
    card = Card(
        summary="Mean and covariance of a 2-D Gaussian from four draws: four symmetric modes, vertical cuts.",
        noise="Gaussian, covariance given by theta",
        reference="rejection sampling with a flow fitted to importance samples",
        certificate="rejection against the exact likelihood (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Uniform on [-3, 3]^5."""
        return box(3.0, 5)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Sum over the four draws of the bivariate Gaussian's log density, ``(N,)``."""
        s1, s2, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, torch.tanh(theta[:, 4])
        cov = torch.stack([s1**2, rho * s1 * s2, rho * s1 * s2, s2**2], dim=-1).reshape(-1, 2, 2)
        cov = cov + 1e-6 * torch.eye(2, dtype=cov.dtype, device=cov.device)  # as sbibm's simulator does
        density = MultivariateNormal(theta[:, None, :2], covariance_matrix=cov[:, None])
        return density.log_prob(x.reshape(-1, 4, 2)).sum(-1)


@register_task("slcp_distractors")
class SLCPDistractors(SLCP):
    """slcp with 92 uninformative dimensions mixed in."""

    observation_file = "observation_distractors.csv"
    dim_x = 100
    card = Card(
        summary="slcp hidden among 92 dimensions of noise, permuted; the posterior is slcp's.",
        noise="as slcp; distractors from a mixture of 20 multivariate Student-t (2 degrees of freedom)",
        reference=SLCP.card.reference,
        certificate=SLCP.card.certificate,
        citation=SBIBM,
    )

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """As sbibm's simulator: slcp's eight numbers, then the distractors, then the permutation."""
        informative = self._slcp.get_simulator()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            data = informative(theta.detach().cpu().float())
            noise = self._draw_distractors(len(theta)).to(data.dtype)
        return torch.cat([data, noise], dim=1)[:, self._permutation].float()

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Slcp's likelihood of the informative columns times the distractors' density, ``(N,)``."""
        data = x[:, torch.argsort(self._permutation)]
        noise = self._distractor_log_prob(data[:, 8:].double())
        return super().log_likelihood(theta, data[:, :8]) + noise.to(theta.dtype)

    def _draw_distractors(self, n: int) -> Tensor:
        """What the stored mixture's ``sample((n,))`` draws, from the same random numbers.

        That one multiplies by all components' matrices, n times each: 1.4 MB for every draw.
        """
        components = self._distractors.component_distribution.base_dist
        which = self._distractors.mixture_distribution.sample((n,))
        normal = torch.randn(n, *components.loc.shape, dtype=components.loc.dtype)
        chi2 = components._chi2.rsample((n,))
        every = torch.arange(n)
        scaled = normal[every, which] * torch.rsqrt(chi2[every, which] / components.df[which])[:, None]
        drawn = components.loc[which]
        for k, factor in enumerate(components.scale_tril):
            rows = which == k
            drawn[rows] += scaled[rows] @ factor.T
        return drawn

    def _distractor_log_prob(self, noise: Tensor) -> Tensor:
        # The stored scale factors have negative diagonals, of which the stored object takes the logarithm;
        # flipping the sign of a column leaves the scale matrix as it is.
        stored = self._distractors.component_distribution.base_dist
        factor = stored.scale_tril * stored.scale_tril.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]
        components = type(stored)(stored.df, stored.loc, factor)
        return torch.logsumexp(components.log_prob(noise[:, None]), dim=1) - math.log(len(stored.df))

    @cached_property
    def _slcp(self) -> Any:
        import sbibm

        return sbibm.get_task("slcp")

    @cached_property
    def _distractors(self) -> Any:
        # sbibm stores this distribution as a pickled object: trusted, and the only file read that way.
        return torch.load(self.stored_file("gmm.torch"), weights_only=False)

    @cached_property
    def _permutation(self) -> Tensor:
        return torch.load(self.stored_file("permutation_idx.torch"), weights_only=True)


@register_task("bernoulli_glm")
class BernoulliGLM(SimulatedBySbibm):
    """Spikes of a Bernoulli GLM under white noise, reduced to their sufficient statistics."""

    folder = "bernoulli_glm"
    dim_theta, dim_x = 10, 10
    card = Card(
        summary="Offset and nine filter taps of a spiking neuron from ten sufficient statistics.",
        noise="Bernoulli spikes in 100 bins",
        reference="Pólya-Gamma Gibbs sampling, warm-up 25 000, thinned by 25",
        certificate="exact Gibbs sampler (sbibm)",
        citation=SBIBM,
    )

    def prior(self) -> Distribution:
        """Gaussian: offset of variance 2, filter with penalised second differences."""
        m = 9
        difference = torch.eye(m) - torch.diag(torch.ones(m - 1), -1)
        smooth = difference @ difference + torch.diag(torch.arange(m) / m).sqrt()
        precision = torch.zeros(m + 1, m + 1)
        precision[0, 0] = 0.5
        precision[1:, 1:] = smooth.T @ smooth
        return MultivariateNormal(torch.zeros(m + 1), precision_matrix=precision)


@register_task("bernoulli_glm_raw")
class BernoulliGLMRaw(BernoulliGLM):
    """As bernoulli_glm, with the 100 spikes themselves as data."""

    observation_file = "observation_raw.csv"
    dim_x = 100
    card = Card(
        summary="Offset and nine filter taps of a spiking neuron from its spike train.",
        noise=BernoulliGLM.card.noise,
        reference=BernoulliGLM.card.reference,
        certificate=BernoulliGLM.card.certificate,
        citation=SBIBM,
    )

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Bernoulli log likelihood with logits ``design_matrix @ theta``, ``(N,)``."""
        design = torch.load(self.stored_file("design_matrix.pt"), weights_only=True).to(theta)
        return Bernoulli(logits=theta @ design.T, validate_args=False).log_prob(x).sum(-1)
