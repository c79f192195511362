import math

import pytest
import torch
from torch.distributions import Independent, Normal, Uniform

import methods


@pytest.fixture(scope="module")
def problem():
    prior = Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)
    torch.manual_seed(0)
    theta = prior.sample((300,))
    return prior, theta, theta + 0.3 * torch.randn(300, 2)


def test_nothing_is_printed_and_no_folder_written(problem, tmp_path, monkeypatch, capsys, recwarn):
    monkeypatch.chdir(tmp_path)
    posterior = methods.get("npe[max_num_epochs=2]").fit(*problem)
    posterior.sample((10,), x=problem[2][:1])
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("spec", "network"),
    [("npe[density_estimator=nsf]", "RationalQuadratic"), ("npe[density_estimator=mdn]", "Mixture")],
)
def test_the_density_estimator_is_the_one_asked_for(problem, spec, network, recwarn):
    posterior = methods.get(spec.replace("]", ",max_num_epochs=1]")).fit(*problem)
    assert network in repr(posterior._posterior.posterior_estimator)


def test_evaluations_are_counted(problem, recwarn):
    x_o = problem[2][:1]
    free = "max_num_epochs=2,reject_outside_prior=false"
    sde = methods.get(f"npse[{free},steps=20]").fit(*problem)
    assert math.isnan(sde.nfe)
    sde.sample((30,), x=x_o)
    assert 18 <= sde.nfe <= 20
    flow = methods.get(f"npe[{free}]").fit(*problem)
    flow.sample((30,), x=x_o)
    assert flow.nfe == 1.0
    ode = methods.get(f"fmpe[{free}]").fit(*problem)
    ode.sample((30,), x=x_o)
    assert 5 < ode.nfe < 1000


@pytest.mark.parametrize("spec", ["npe[max_num_epochs=1]", "fmpe[max_num_epochs=1]"])
def test_without_rejection_what_leaks_is_kept(problem, spec, recwarn):
    posterior = methods.get(spec).fit(*problem)
    raw = posterior.without_rejection()
    assert (raw.sample((200,), x=problem[2][:1] + 5.0).abs() > 1).any()
    assert raw.nfe >= 1
    assert (posterior.sample((20,), x=problem[2][:1]).abs() <= 1).all()


def test_rejected_draws_count(problem, recwarn):
    posterior = methods.get("npe[max_num_epochs=1]").fit(*problem)
    samples = posterior.sample((200,), x=torch.tensor([[1.5, 1.5]]))
    assert samples.abs().max() <= 1.0
    assert posterior.nfe > 1.0


@pytest.mark.parametrize("sde_type", ["ve", "vp", "subvp"])
def test_sde_types(problem, sde_type, recwarn):
    posterior = methods.get(f"npse[sde_type={sde_type},max_num_epochs=1,steps=5]").fit(*problem)
    assert sde_type in type(posterior._posterior.vector_field_estimator).__name__.lower()


def test_rejection_ends_in_time(problem, recwarn):
    _, theta, x = problem
    far = Independent(Uniform(torch.full((2,), 1000.0), torch.full((2,), 1001.0)), 1)  # no draw falls there
    posterior = methods.get("npe[max_num_epochs=1,max_sampling_time=0.2]").fit(far, theta, x)
    with pytest.raises(RuntimeError, match="time"):
        posterior.sample((1000,), x=x[:1])


def test_a_flow_is_drawn_from_once_for_all_observations(problem, recwarn, monkeypatch):
    """Leaked draws are drawn again, for each observation alone, and all draws stay inside the prior."""
    posterior = methods.get("npe[max_num_epochs=5]").fit(*problem)
    x = torch.cat([problem[2][:20] / 4, torch.tensor([[1.2, 1.2]])])
    estimator = posterior._posterior.posterior_estimator
    conditions = []
    real = estimator.sample
    monkeypatch.setattr(
        estimator, "sample", lambda shape, condition: conditions.append(condition) or real(shape, condition)
    )
    torch.manual_seed(0)
    together = posterior.sample_batched((200,), x=x)
    assert together.shape == (200, 21, 2)
    assert together.abs().max() <= 1
    assert len(conditions[0]) == 21
    assert all(len(condition) == 1 for condition in conditions[1:])
    torch.manual_seed(1)
    for k in (0, 20):
        alone = posterior.sample((2000,), x=x[k : k + 1])
        difference = together[:, k].mean(0) - alone.mean(0)
        standard_error = (together[:, k].var(0) / 200 + alone.var(0) / 2000).sqrt()
        assert (difference.abs() < 4 * standard_error).all()
    conditions.clear()
    posterior.without_rejection().sample_batched((5,), x=x)
    assert [len(condition) for condition in conditions] == [21]


@pytest.mark.parametrize("spec", ["npse[max_num_epochs=5,steps=20]", "fmpe[max_num_epochs=5]"])
def test_a_vector_field_is_drawn_from_for_those_observations_that_miss_samples(
    spec, problem, recwarn, monkeypatch
):
    """It was drawn from for all of them until the last one had its samples, which took half an hour."""
    posterior = methods.get(spec).fit(*problem)
    x = torch.cat([problem[2][:20] / 4, torch.tensor([[1.5, 1.5]])])
    inner = posterior._posterior
    draws = []
    real = inner.sample_batched
    monkeypatch.setattr(
        inner,
        "sample_batched",
        lambda shape, x, **options: draws.append((shape.numel(), len(x))) or real(shape, x=x, **options),
    )
    torch.manual_seed(0)
    together = posterior.sample_batched((200,), x=x)
    assert together.shape == (200, 21, 2)
    assert together.abs().max() <= 1
    assert draws[0] == (200, 21)
    assert min(rows for _, rows in draws[1:]) < 21
    assert 0 < sum(number * rows for number, rows in draws[1:]) < 3 * 200 * 21
    torch.manual_seed(1)
    for k in (0, 20):
        alone = posterior.sample((1000,), x=x[k : k + 1])
        difference = together[:, k].mean(0) - alone.mean(0)
        standard_error = (together[:, k].var(0) / 200 + alone.var(0) / 1000).sqrt()
        assert (difference.abs() < 4.5 * standard_error).all()


def test_drawing_again_for_many_observations_ends_in_time(problem, recwarn, monkeypatch):
    posterior = methods.get("npse[max_num_epochs=1,steps=5]").fit(*problem)
    monkeypatch.setattr("methods.sbi.sbi_posterior.time", Hourly())
    with pytest.raises(RuntimeError, match="longer than max_sampling_time = 1800 s"):
        posterior.sample_batched((50,), x=problem[2][:3])


class Hourly:
    """A clock on which every look takes an hour."""

    now = 0.0

    def monotonic(self):
        self.now += 3600.0
        return self.now


class Slowly:
    """A clock on which every look takes ten seconds."""

    now = 0.0

    def monotonic(self):
        self.now += 10.0
        return self.now


@pytest.mark.parametrize("method", ["npe[max_num_epochs=1]", "npse[max_num_epochs=1,steps=5]"])
def test_rejection_without_hope_ends_before_the_time_limit(method, monkeypatch, recwarn):
    """It went on for half an hour for an observation far from all simulations."""
    narrow = Independent(Uniform(torch.zeros(2), torch.full((2,), 1e-6)), 1)
    torch.manual_seed(0)
    theta, x = torch.randn(2, 100, 2)
    posterior = methods.get(method).fit(narrow, theta, x)
    monkeypatch.setattr("methods.sbi.watched_prior.time", Slowly())
    before = posterior._posterior.prior
    with pytest.raises(
        RuntimeError, match=r"only 0 of \d+ samples lie inside the prior after .* max_sampling_time"
    ):
        posterior.sample((500,), x=x[:1])
    assert posterior._posterior.prior is before
    assert posterior.without_rejection().sample((500,), x=x[:1]).shape == (500, 2)


@pytest.mark.parametrize(("method", "least"), [("npe", 3), ("fmpe", 3), ("npse", 3), ("nle", 3), ("nre", 11)])
def test_too_few_simulations_are_refused_with_the_least_number(method, least):
    theta = torch.randn(least - 1, 2)
    normal = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    with pytest.raises(ValueError, match=f"{least - 1} simulations: {method} needs at least {least}"):
        methods.get(method).fit(normal, theta, theta)
