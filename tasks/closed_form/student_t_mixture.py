"""A mixture of two Student-t distributions, split into theta and x; all conditionals have closed forms."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Categorical, Chi2, Distribution, constraints

from tasks.contract.base import Card, Task
from tasks.contract.registry import register_task

__all__ = ["StudentTMixture", "StudentTMixture10x10", "StudentTMixture15x5", "TMixture"]

DF = 10.0
DELTA = tuple(value for value in (1.35, 0.5, 0.2, 0.1) for _ in range(5))
CONDITIONS = (0.0, -0.25, 0.25)
NUM_REFERENCE = 10_000
PAPER = "Zhang, Tatsuoka, Xiu, Zhang: Exact Conditional Score-Guided Generative Modeling, arXiv 2506.18227"


class TMixture(Distribution):
    """Mixture of multivariate Student-t distributions, each with its own isotropic scale.

    All computations are in float64. Draws and moments are returned as float32, log densities in the dtype of
    the values.

    Arguments:
        logits: Unnormalised log weights of the C components, ``(*batch, C)``.
        loc: Locations of the components, ``(C, D)``, shared by the batch.
        squared_scale: Factors by which the identity is multiplied to give the scale matrices, ``(*batch,
            C)``.
        df: Degrees of freedom, > 2.

    Example:
        >>> two = TMixture(torch.zeros(2), torch.tensor([[-1.0], [1.0]]), torch.ones(2), 10.0)
        >>> two.mean
        tensor([0.])
        >>> two.log_prob(torch.zeros(3, 1)).shape
        torch.Size([3])
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (torch's own convention)

    def __init__(self, logits: Tensor, loc: Tensor, squared_scale: Tensor, df: float) -> None:
        self.logits = torch.log_softmax(logits.double(), dim=-1)
        self.loc, self.squared_scale, self.df = loc.double(), squared_scale.double(), df
        super().__init__(self.logits.shape[:-1], self.loc.shape[-1:], validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """The support, R^D."""
        return constraints.independent(constraints.real, 1)

    @property
    def mean(self) -> Tensor:
        """Mean, ``(*batch, D)``, float32 (the dtype that sbi requires of a prior's mean)."""
        return (self.logits.exp() @ self.loc).float()

    @property
    def variance(self) -> Tensor:
        """Variances of the coordinates, ``(*batch, D)``, float32."""
        weights = self.logits.exp()
        within = self.df / (self.df - 2.0) * (weights * self.squared_scale).sum(-1, keepdim=True)
        between = weights @ self.loc.square() - (weights @ self.loc).square()
        return (within + between).float()

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Draws, ``(*sample_shape, *batch, D)``, float32, with torch's global random state."""
        shape = torch.Size(sample_shape)
        component = Categorical(logits=self.logits).sample(shape)
        squared = self.squared_scale.expand(*component.shape, -1).gather(-1, component[..., None])
        chi2 = Chi2(torch.tensor(self.df).to(self.loc)).sample(component.shape)[..., None]
        normal = torch.randn(*component.shape, *self.event_shape).to(self.loc)
        return (self.loc[component] + (squared * self.df / chi2).sqrt() * normal).float()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density in nats at ``value`` ``(*batch, D)``; its batch broadcasts against the mixture's."""
        squared = (value.double()[..., None, :] - self.loc).square().sum(-1)
        parts = log_t(squared, self.squared_scale, self.df, self.loc.shape[-1])
        return torch.logsumexp(self.logits + parts, dim=-1).to(value.dtype)

    def project(self, direction: Tensor) -> TMixture:
        """The distribution of the inner product with a direction ``(D,)``, as a mixture with D = 1.

        The direction is normalised to unit length first.
        """
        line = direction.to(self.loc) / direction.to(self.loc).norm()
        return TMixture(self.logits, self.loc @ line[:, None], self.squared_scale, self.df)

    def quantiles(self, levels: Tensor) -> Tensor:
        """Quantiles of the coordinates, ``(Q, D)``, float64, by bisection of scipy's cdf.

        The mixture must have no batch.

        Arguments:
            levels: Probabilities in (0, 1), ``(Q,)``.
        """
        from scipy.stats import t as student_t

        want = levels.double().cpu().numpy()[:, None, None]
        scale = self.squared_scale.sqrt().cpu().numpy()[:, None]
        loc, weights = self.loc.cpu().numpy(), self.logits.exp().cpu().numpy()[:, None]
        # A mixture's quantile lies between those of its components.
        each = student_t.ppf(want, self.df, loc=loc, scale=scale)
        low, high = each.min(1), each.max(1)
        for _ in range(60):
            middle = 0.5 * (low + high)
            cdf = (weights * student_t.cdf(middle[:, None], self.df, loc=loc, scale=scale)).sum(1)
            below = cdf < want[:, 0]
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return torch.from_numpy(0.5 * (low + high))

    def row(self, index: int) -> TMixture:
        """The mixture at one index of a batch ``(N,)``; the result has no batch."""
        return TMixture(self.logits[index], self.loc, self.squared_scale[index], self.df)

    def to(self, device: str) -> TMixture:
        """Move the mixture to another device in place and return it (sbi moves priors this way)."""
        self.logits, self.loc = self.logits.to(device), self.loc.to(device)
        self.squared_scale = self.squared_scale.to(device)
        return self


def log_t(squared_distance: Tensor, squared_scale: Tensor, df: float, dim: int) -> Tensor:
    """Log density in nats of a multivariate Student-t distribution with isotropic scale.

    Arguments:
        squared_distance: Squared Euclidean distances from the location.
        squared_scale: Factors of the identity in the scale matrix; their shape broadcasts.
        df: Degrees of freedom.
        dim: Dimension of the distribution.
    """
    constant = math.lgamma(0.5 * (df + dim)) - math.lgamma(0.5 * df) - 0.5 * dim * math.log(df * math.pi)
    spread = -0.5 * dim * squared_scale.log()
    return constant + spread - 0.5 * (df + dim) * torch.log1p(squared_distance / (df * squared_scale))


class StudentTMixture(Task):
    """Infer some coordinates of a 20-D draw from the others, under a mixture of two Student-t distributions.

    The pair (theta, x) has an equal mixture of two 20-D Student-t distributions with nu = 10 degrees of
    freedom, unit scale and locations +delta and -delta. The first ``dim_theta`` coordinates are theta, the
    others x. The prior is the mixture's marginal, and the simulator draws from its conditional, which has the
    closed form below. For one component, x given theta is again Student-t, with nu + dim_theta degrees of
    freedom, an unchanged location and squared scale

        (nu + |theta - delta_theta|²) / (nu + dim_theta),

    and the weights of the components become proportional to their densities at theta (Ding, On the
    conditional distribution of the multivariate t distribution, 2016). With theta and x exchanged, the same
    formula is the posterior, and the reference consists of exact draws from it.

    The problem, with its observations c · 1 for c = 0, -0.25, 0.25, is one of Zhang, Tatsuoka, Xiu, Zhang,
    Exact Conditional Score-Guided Generative Modeling, arXiv 2506.18227.
    """

    version = "2"
    num_observations = len(CONDITIONS)
    dim_theta: int
    dim_x: int

    def prior(self) -> TMixture:
        """The marginal distribution of theta, a mixture of two Student-t with 10 degrees of freedom."""
        loc, _ = self._locations()
        return TMixture(torch.zeros(2), loc, torch.ones(2), DF)

    def simulator(self, theta: Tensor) -> TMixture:
        """The distribution of x given theta ``(N, dim_theta)``, with batch ``(N,)``."""
        loc_theta, loc_x = self._locations()
        return _conditional(theta, loc_theta, loc_x)

    def posterior(self, x: Tensor) -> TMixture:
        """The distribution of theta given x ``(N, dim_x)``, with batch ``(N,)``."""
        loc_theta, loc_x = self._locations()
        return _conditional(x, loc_x, loc_theta)

    def exact_posterior(self, num_observation: int) -> TMixture:
        """The exact posterior given one observation, without batch."""
        return self.posterior(self.observation(num_observation)).row(0)

    def simulate(self, theta: Tensor, seed: int) -> Tensor:
        """Exact draws of x given theta, ``(N, dim_x)``, float32."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.simulator(theta.detach().cpu()).sample()

    def observation(self, num_observation: int) -> Tensor:
        """The observation, ``(1, dim_x)``: all entries are 0, -0.25 or 0.25."""
        self.check_observation(num_observation)
        return torch.full((1, self.dim_x), CONDITIONS[num_observation - 1])

    def true_theta(self, num_observation: int) -> Tensor:
        """The location of the component with the largest posterior weight, ``(1, dim_theta)``.

        The observations were not simulated, so there is no theta that is truly behind them.
        """
        exact = self.exact_posterior(num_observation)
        return exact.loc[exact.logits.argmax()][None].float()

    def reference_samples(self, num_observation: int) -> Tensor:
        """Exact draws from the posterior, ``(10_000, dim_theta)``."""
        exact = self.exact_posterior(num_observation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed("reference", num_observation))
            return exact.sample((NUM_REFERENCE,))

    def marginal_quantiles(self, num_observation: int, levels: Tensor) -> Tensor:
        """Quantiles of the marginals, which are mixtures of univariate Student-t, ``(Q, dim_theta)``."""
        return self.exact_posterior(num_observation).quantiles(levels)

    def log_likelihood(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log p(x | theta) in nats, ``(N,)``."""
        return self.simulator(theta).log_prob(x)

    def log_posterior(self, theta: Tensor, x: Tensor) -> Tensor:
        """Normalised log posterior, log p(theta | x), in nats.

        Arguments:
            theta: Parameters, ``(N, dim_theta)``.
            x: Data, ``(N or 1, dim_x)``.

        Returns:
            Log densities, ``(N,)``.
        """
        return self.posterior(x).log_prob(theta)

    def _locations(self) -> tuple[Tensor, Tensor]:
        delta = torch.tensor(DELTA, dtype=torch.float64)
        both = torch.stack([delta, -delta])
        return both[:, : self.dim_theta], both[:, self.dim_theta :]


def _conditional(given: Tensor, given_loc: Tensor, loc: Tensor) -> TMixture:
    """The distribution of one block of coordinates given the other block.

    Arguments:
        given: Values of the known block, ``(N, D)``.
        given_loc: Locations of the two components in the known block, ``(2, D)``.
        loc: Locations of the two components in the other block, ``(2, E)``.
    """
    dim = given.shape[1]
    squared = (given.double()[:, None] - given_loc.to(given.device)).square().sum(-1)
    logits = log_t(squared, torch.ones_like(squared), DF, dim)
    return TMixture(logits, loc.to(given.device), (DF + squared) / (DF + dim), DF + dim)


def _card(dim_theta: int, dim_x: int) -> Card:
    return Card(
        summary=f"Infer {dim_theta} coordinates of a heavy-tailed two-cluster mixture from {dim_x} others.",
        noise="the exact conditional of a 20-D mixture of two Student-t (10 degrees of freedom, unit scale)",
        reference="exact draws from the conditional distribution, a mixture of two Student-t",
        certificate="closed form",
        citation=PAPER,
    )


@register_task("student_t_mixture_15_5")
class StudentTMixture15x5(StudentTMixture):
    """Fifteen parameters from five data.

    The first five parameters separate the two clusters best; the data separate them only weakly.
    """

    dim_theta, dim_x = 15, 5
    card = _card(15, 5)


@register_task("student_t_mixture_10_10")
class StudentTMixture10x10(StudentTMixture):
    """Ten parameters from ten data of :class:`StudentTMixture`."""

    dim_theta, dim_x = 10, 10
    card = _card(10, 10)
