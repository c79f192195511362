import math

import pytest
import torch
from torch.distributions import Independent, Normal, Uniform

import methods
from bench.metrics import c2st
from methods.denoiser.refinement import RefinedPosterior, Refinement, choose_refinement
from methods.likelihood import Coordinates, LearnedLikelihood

NOISE = 0.1
BOX = Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)
POOR = "[training_steps=30,width=16,depth=1,num_emulated=0,steps=6{}]"


@pytest.fixture(autouse=True, scope="module")
def _short_fits():
    """Small networks for the likelihood, and a regression as the base without a trial of the local one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.denoiser.fit.MANY", 0)
        patch.setattr("methods.likelihood.learned.WIDTH", 16)
        patch.setattr("methods.likelihood.learned.DEPTH", 1)
        yield


class Exact:
    """The exact likelihood of x = theta + noise, with the interface of a learned one."""

    networks = ((),)
    members = (None,)

    def __init__(self, prior, theta, spread=NOISE, shift=0.0):
        self.coordinates, self.spread, self.shift = Coordinates(prior, theta, 0), spread, shift
        self.diagnostics = {"likelihood": "exact"}

    def columns(self, x):
        return x

    def log_likelihood(self, u, columns):
        theta = self.coordinates.theta(u)
        return Normal(theta + self.shift, self.spread).log_prob(columns).sum(-1)


def simulated(n, prior=BOX):
    theta = prior.sample((n,))
    return theta, theta + NOISE * torch.randn_like(theta)


@pytest.fixture(scope="module")
def poor():
    """A denoiser that was hardly trained, on simulations that it must learn from."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theta, x = simulated(400)
        return theta, x, methods.get("denoiser" + POOR.format("")).fit(BOX, theta, x)


def chosen(poor, likelihood, steps=20):
    theta, x, teacher = poor
    held = teacher.held
    return choose_refinement(likelihood, teacher.base, teacher.flow, theta[held], x[held], steps, 0)


class Folded(Exact):
    """The exact likelihood of x = |theta| + noise."""

    def log_likelihood(self, u, columns):
        return Normal(self.coordinates.theta(u).abs(), self.spread).log_prob(columns).sum(-1)


def test_chains_on_the_exact_likelihood_mend_a_poor_denoiser():
    """The posterior has four modes, and samples of the denoiser are spread over the whole prior."""
    theta = BOX.sample((400,))
    x = theta.abs() + NOISE * torch.randn(400, 2)
    teacher = methods.get("denoiser" + POOR.format("")).fit(BOX, theta, x)
    refinement = chosen((theta, x, teacher), Folded(BOX, theta), steps=100)
    assert refinement.kind == "chains"
    assert refinement.steps == 99  # and one evaluation at the start
    assert refinement.gain > 0
    x_o, n = torch.tensor([[0.5, 0.6]]), 1000
    signs = torch.randint(2, (n, 2)) * 2.0 - 1.0
    exact = signs * (x_o + NOISE * torch.randn(n, 2)).clamp(-1.0, 1.0)
    drawn = teacher.sample_batched((n,), x=x_o)
    refined = refinement(drawn, x_o, teacher.base, teacher.flow)[:, 0]
    assert BOX.support.check(refined).all()
    before, after = (c2st(part, exact, seed=0) for part in (drawn[:, 0], refined))
    # The standard error of a C2ST of 1000 against 1000 is 0.011 at chance. Shares of modes are those of the
    # denoiser, as far as no chain has jumped.
    assert after < 0.5 + 8 * 0.011 < 0.75 < before
    # 4.5 standard errors of 1000 draws.
    assert ((refined.abs().mean(0) - x_o[0]).abs() < 4.5 * NOISE / n**0.5).all()
    assert ((refined.abs().std(0) - NOISE).abs() < 4.5 * NOISE / (2 * n) ** 0.5).all()


@pytest.mark.parametrize(("spread", "shift"), [(NOISE, 0.5), (0.01, 0.0), (5.0, 0.0)])
def test_a_wrong_likelihood_is_refused(poor, spread, shift):
    theta = poor[0]
    refinement = chosen(poor, Exact(BOX, theta, spread, shift))
    assert refinement.kind == "touch-up"
    assert refinement.steps == 4
    assert refinement.gain < 0
    assert chosen(poor, Exact(BOX, theta, spread, shift), steps=2).steps == 2


def test_the_gain_is_the_difference_of_log_densities():
    """A denoiser of known density: an untrained network, whose samples are those of a linear base."""
    prior = Independent(Normal(torch.zeros(1), torch.ones(1)), 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theta, x = simulated(600, prior)
        spec = "denoiser[training_steps=2,width=8,depth=1,num_emulated=0]"
        teacher = methods.get(spec).fit(prior, theta, x)
    held = teacher.held
    found = choose_refinement(
        Exact(prior, theta, 0.2), teacher.base, teacher.flow, theta[held], x[held], 5, 0
    ).gain
    mean, spread = x / (1 + 0.2**2), (1 + 0.2**-2) ** -0.5
    exact = Normal(mean, spread).log_prob(theta)[:, 0]
    denoiser = torch.stack([teacher.log_prob(theta[[k]], x=x[[k]])[0] for k in held.tolist()])
    expected = float((exact[held] - denoiser).clamp(-4, 4).mean())
    # Log Z of one simulation has an error of about 0.1, over sixty it is 0.013.
    assert found == pytest.approx(expected, abs=0.06)


@pytest.mark.slow
def test_a_likelihood_of_the_wrong_form_is_refused():
    """X is uniform on a ring around theta, which a Gaussian of independent columns cannot say."""
    theta = BOX.sample((1500,))
    angle = 2 * math.pi * torch.rand(1500)
    x = theta + 0.5 * torch.stack([angle.cos(), angle.sin()], dim=1) + 0.02 * torch.randn(1500, 2)
    teacher = methods.get("denoiser[training_steps=1200,width=64,depth=3,num_emulated=0]").fit(BOX, theta, x)
    held, rest, encode = teacher.held, teacher.rest, teacher.base.plain_encoding
    likelihood = LearnedLikelihood.fit(
        BOX, theta, x, encode, held, rest, 0, kinds=("independent",), steps=300, members=1
    )
    found = choose_refinement(likelihood, teacher.base, teacher.flow, theta[held], x[held], 10, 0)
    assert found.kind == "touch-up"


@pytest.mark.parametrize("kind", ["chains", "touch-up"])
def test_refined_samples_stay_inside_the_prior(poor, kind):
    theta, _, teacher = poor
    refinement = Refinement(kind, 8 if kind == "chains" else 4, 0.0, 0.0, Exact(BOX, theta))
    x_o = torch.tensor([[1.0, -1.0], [3.0, 0.0]])
    drawn = teacher.sample_batched((500,), x=x_o)
    refined = refinement(drawn, x_o, teacher.base, teacher.flow)
    assert refined.shape == (500, 2, 2)
    assert BOX.support.check(refined).all()
    assert not torch.equal(refined, drawn)


@pytest.mark.parametrize("name", ["denoiser", "one_pass"])
@pytest.mark.parametrize("kind", ["chains", "touch-up"])
def test_evaluations_are_those_of_both_stages(name, kind, monkeypatch):
    real = choose_refinement

    def forced(*args):
        found = real(*args)
        return Refinement(
            kind, found.steps if kind == "chains" else 3, found.gain, found.error, found.likelihood
        )

    monkeypatch.setattr("methods.denoiser.method.choose_refinement", forced)
    theta, x = simulated(200)
    extra = ",refinement_steps=3"
    if name == "one_pass":
        extra += ",num_labels=200,student_steps=4"
    posterior = methods.get(name + POOR.format(extra)).fit(BOX, theta, x)
    posterior.sample_batched((50,), x=x[:2])
    first = posterior.posterior
    assert first.nfe > 0
    likelihood = posterior.refinement.likelihood
    if kind == "touch-up":
        assert posterior.nfe == pytest.approx(first.nfe + 3)
        added = [posterior._flow.network]
    else:
        # One evaluation at the start and one for each step. A flow's transforms are networks of their own.
        assert posterior.nfe == pytest.approx(first.nfe + (3 + 1) * len(likelihood.members))
        added = [network for member in likelihood.networks for network in member]
    weights = sum(p.numel() for network in added for p in network.parameters())
    assert posterior.num_parameters == first.num_parameters + weights


@pytest.mark.parametrize("name", ["denoiser", "one_pass"])
def test_without_steps_nothing_changes(name):
    """The same samples, bit for bit, as those that a refinement starts from, and no second density."""
    theta, x = simulated(200)
    extra = ",num_labels=200,student_steps=4" if name == "one_pass" else ""
    found = []
    for steps in (0, 2):
        posterior = methods.get(name + POOR.format(f"{extra},refinement_steps={steps}")).fit(BOX, theta, x)
        assert isinstance(posterior, RefinedPosterior) == bool(steps)
        plain = posterior.posterior if steps else posterior
        torch.manual_seed(0)
        found.append(plain.sample((20,), x=x[:1]))
    assert torch.equal(*found)
