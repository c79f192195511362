"""Priors as people write them. Most of them failed, or were rejected for ever, when used as they are."""

import math

import pytest
import torch
from sbi.utils import BoxUniform, MultipleIndependent
from torch.distributions import (
    AffineTransform,
    Beta,
    Categorical,
    Cauchy,
    Distribution,
    Exponential,
    ExpTransform,
    Gamma,
    Independent,
    LogNormal,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    Poisson,
    TransformedDistribution,
    Uniform,
    VonMises,
)

import methods
from methods.contract.prior_mass import bounds
from methods.contract.priors import PriorError, check_continuous, usable_prior
from methods.transforms.unbounded import Unbounded

ONE, TWO = torch.ones(1), torch.ones(2)
LOG_UNIFORM = TransformedDistribution(Uniform(0 * TWO, TWO), [ExpTransform()])


class Bare:
    """A uniform prior on (-1, 1)^2 with nothing but sample and log_prob, as in sbi's tutorial."""

    def sample(self, shape=()):
        return 2 * torch.rand(*shape, 2) - 1

    def log_prob(self, theta):
        return torch.where((theta.abs() <= 1).all(-1), -math.log(4.0), -torch.inf)


class Numpy(Bare):
    """The same in numpy, with numpy's global random state."""

    def sample(self, shape=()):
        import numpy as np

        return np.random.uniform(-1, 1, (*shape, 2))

    def log_prob(self, theta):
        return super().log_prob(theta).numpy()


class Truncated(Normal):
    """A normal distribution without its tails, which inherits a support that is the whole line."""

    def log_prob(self, value):
        return super().log_prob(value).where(value.abs() < 1, -torch.inf)

    def sample(self, shape=()):
        return 2 * torch.rand(torch.Size(shape) + self.batch_shape) - 1


class NoSupport(Bare, Distribution):
    arg_constraints = {}  # noqa: RUF012

    def __init__(self):
        Distribution.__init__(self, event_shape=(2,), validate_args=False)


JOINT = [Beta(2 * ONE, 2 * ONE), Gamma(2 * ONE, ONE), MultivariateNormal(0 * TWO, torch.eye(2))]
INF = math.inf
# Prior, and lower and upper bounds of its parameters.
PRIORS = {
    "one parameter": (Uniform(0 * ONE, ONE), [0.0], [1.0]),
    "a number": (Uniform(0.0, 1.0), [0.0], [1.0]),
    "without Independent": (Uniform(0 * TWO, TWO), [0.0, 0.0], [1.0, 1.0]),
    "half-line": (Exponential(ONE), [0.0], [INF]),
    "a batch of one": (MultivariateNormal(torch.zeros(1, 2), torch.eye(2)), [-INF, -INF], [INF, INF]),
    "bare": (Bare(), [-INF, -INF], [INF, INF]),
    "numpy": (Numpy(), [-INF, -INF], [INF, INF]),
    "no support": (NoSupport(), [-INF, -INF], [INF, INF]),
    "list": (JOINT, [0.0, 0.0, -INF, -INF], [1.0, INF, INF, INF]),
    "MultipleIndependent": (MultipleIndependent(JOINT[:2]), [0.0, 0.0], [1.0, INF]),
    "log-uniform": (Independent(LOG_UNIFORM, 1), [1.0, 1.0], [math.e, math.e]),
    "mirrored": (
        Independent(TransformedDistribution(Exponential(ONE), AffineTransform(3.0, -1.0)), 1),
        [-INF],
        [3.0],
    ),
    "von Mises": (Independent(VonMises(0 * ONE, ONE), 1), [-math.pi], [math.pi]),
    "truncated": (Independent(Truncated(0 * TWO, TWO), 1), [-INF, -INF], [INF, INF]),
    "mixture": (
        MixtureSameFamily(
            Categorical(TWO),
            Independent(Uniform(torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [6.0]])), 1),
        ),
        [0.0],
        [6.0],
    ),
}


@pytest.mark.parametrize(("prior", "low", "high"), PRIORS.values(), ids=PRIORS)
def test_a_prior_becomes_a_distribution_with_mass_on_its_support(prior, low, high):
    dim, state = len(low), torch.random.get_rng_state()
    usable = usable_prior(prior, dim)
    assert torch.equal(state, torch.random.get_rng_state())
    assert usable.event_shape == (dim,)
    torch.manual_seed(0)
    theta = usable.sample((200,))
    torch.manual_seed(0)
    assert torch.equal(theta, usable.sample((200,)))  # all randomness is torch's, even that of numpy
    assert (theta.shape, theta.dtype) == ((200, dim), torch.float32)
    assert usable.log_prob(theta).isfinite().all()
    assert usable.log_prob(theta).shape == (200,)
    assert usable.support.check(theta).all()
    assert usable.support.check(theta.expand(3, -1, -1)).shape == (3, 200)
    for found, wanted in zip(bounds(usable.support, dim), (low, high), strict=True):
        torch.testing.assert_close(found, torch.tensor(wanted).double())
    assert usable_prior(usable, dim) is usable


@pytest.mark.parametrize(
    ("name", "theta"),
    {
        "log-uniform": [3.0, 2.0],
        "von Mises": [4.0],
        "truncated": [0.5, 1.5],
        "mixture": [3.0],
        "bare": [0, 2.0],
    }.items(),
)
def test_the_support_is_no_wider_than_the_mass(name, theta):
    prior, low, _ = PRIORS[name]
    usable = usable_prior(prior, len(low))
    assert not usable.support.check(torch.tensor([theta]))
    assert usable.log_prob(torch.tensor([theta])) == -torch.inf


@pytest.mark.parametrize(
    "prior",
    [
        Independent(Uniform(0 * TWO, TWO), 1),
        BoxUniform(0 * TWO, TWO),
        Independent(LogNormal(0 * TWO, TWO), 1),
        MultivariateNormal(0 * TWO, torch.eye(2)),
        Independent(Cauchy(0 * TWO, TWO), 1),
        MixtureSameFamily(Categorical(TWO), Independent(Normal(torch.zeros(2, 2), torch.ones(2, 2)), 1)),
        MultipleIndependent(JOINT[:2]),
    ],
    ids=lambda prior: type(prior).__name__,
)
def test_a_proper_prior_is_used_unchanged(prior):
    assert usable_prior(prior, 2) is prior


@pytest.mark.parametrize(
    ("prior", "dim", "words"),
    [
        (Uniform(0 * TWO, TWO), 3, r"3 draws of the prior are \(3, 2\), not \(3, 3\)"),
        (Independent(Uniform(0 * TWO, TWO), 1), 1, r"dim_theta = 1"),
        (5, 1, "the prior is a int, not a distribution with sample and log_prob"),
    ],
)
def test_what_is_no_prior_is_refused(prior, dim, words):
    with pytest.raises(PriorError, match=words):
        usable_prior(prior, dim)


class Dice:
    def sample(self, shape=()):
        return torch.randint(1, 7, (*shape, 1))

    def log_prob(self, theta):
        return torch.full(theta.shape[:-1], -math.log(6.0))


WHOLE = {
    "Poisson": (Independent(Poisson(4 * ONE), 1), 1),
    "next to a normal": (MultipleIndependent([Poisson(4 * ONE), Normal(0 * ONE, ONE)]), 2),
    "bare": (Dice(), 1),
}


@pytest.mark.parametrize(("prior", "dim"), WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("method", sorted(set(methods.names()) - {"prior", "reference"}))
def test_methods_say_that_they_need_continuous_parameters(method, prior, dim):
    with pytest.raises(PriorError, match=f"{method}.* needs continuous parameters"):
        methods.get(method).check_prior(usable_prior(prior, dim))


@pytest.mark.parametrize("method", ["prior", "reference", "rejection_abc[kde=false]"])
def test_methods_that_only_resample_take_whole_numbers(method):
    methods.get(method).check_prior(usable_prior(*WHOLE["Poisson"]))


def test_continuous_priors_pass():
    for prior, low, _ in PRIORS.values():
        check_continuous(usable_prior(prior, len(low)), "npe")


def test_columns_of_several_kinds_have_unbounded_coordinates():
    prior = usable_prior([*JOINT, TransformedDistribution(Exponential(ONE), AffineTransform(3.0, -1.0))], 5)
    theta = prior.sample((50,)).requires_grad_()
    unbounded = Unbounded(prior, 0.1)
    assert unbounded.is_interval
    u = unbounded(theta)
    torch.testing.assert_close(unbounded.inverse(u), theta.detach(), atol=1e-4, rtol=1e-4)
    slope = torch.stack(
        [torch.autograd.grad(u[:, k].sum(), theta, retain_graph=True)[0][:, k] for k in range(5)]
    )
    torch.testing.assert_close(
        unbounded.log_slope(theta.detach()), slope.abs().log().sum(0).double(), atol=1e-4, rtol=1e-4
    )
    assert unbounded.inside(theta.detach()).all()
    assert unbounded.inside(unbounded.inverse(100 * torch.randn(50, 5))).all()


@pytest.mark.parametrize("method", ["npe[max_num_epochs=2]", "nle[max_num_epochs=2,warmup_steps=2]"])
@pytest.mark.parametrize("prior", [Bare(), Cauchy(0 * TWO, TWO), JOINT[:2]], ids=["bare", "cauchy", "list"])
@pytest.mark.slow
def test_sbi_takes_them(method, prior, recwarn):
    usable = usable_prior(prior, 2)
    torch.manual_seed(1)
    theta = usable.sample((100,))
    posterior = methods.get(method).fit(usable, theta, theta + 0.1 * torch.randn_like(theta))
    assert usable.support.check(posterior.sample((50,), x=theta[:1])).all()
