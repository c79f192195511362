"""Errors of the exact-score methods for simulations that they cannot use, and joint sampling."""

import pytest
import torch
from pydantic import ValidationError

import methods
import tasks
from methods.exact_score import method as sampler

NAMES = ["exact_score", "exact_score_net"]


def simulations(size=50):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(size, 2, generator=generator), torch.randn(size, 3, generator=generator)


def spoilt(which, column, value):
    parts = dict(zip(("theta", "x"), simulations(), strict=True))
    parts[which][:, column] = value
    return parts


@pytest.mark.parametrize("name", [*NAMES, "denoiser", "one_pass"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (dict(zip(("theta", "x"), simulations(1), strict=True)), "1 simulations: a .* needs at least"),
        (spoilt("x", 1, torch.nan), "x: 50 of 50 rows are not finite"),
        (spoilt("theta", 0, torch.inf), "theta: 50 of 50 rows are not finite"),
        (spoilt("theta", 1, 2.0), "theta: column 1 is constant"),
        (spoilt("x", slice(None), 2.0), "x: all columns are constant"),
    ],
)
def test_simulations_that_cannot_be_used_are_one_clear_error(name, data, message):
    with pytest.raises(ValueError, match=message):
        methods.get(name).fit(tasks.get("two_moons").prior(), **data)


def test_one_constant_column_of_x_does_no_harm():
    posterior = methods.get("exact_score").fit(tasks.get("two_moons").prior(), **spoilt("x", 2, 7.0))
    assert posterior.sample((5,), x=torch.tensor([[0.0, 0.0, 7.0]])).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bandwidth", [0.0, -0.1])
def test_bandwidths_must_be_positive(name, bandwidth):
    with pytest.raises((ValidationError, methods.SpecError), match="greater than 0"):
        methods.get(f"{name}[bandwidth=manual,theta_bandwidth={bandwidth},x_bandwidth=0.1]")


def test_observations_are_carried_together(monkeypatch):
    """One ODE is solved for all, in parts that fit; its samples are those of each noise vector alone."""
    theta, x = simulations()
    posterior = methods.get("exact_score[steps=10]").fit(tasks.get("two_moons").prior(), theta, x)
    calls = []
    real = sampler.solve
    monkeypatch.setattr(sampler, "solve", lambda *args: calls.append(args) or real(*args))
    torch.manual_seed(0)
    together = posterior.sample_batched((4,), x=x[:7])
    assert len(calls) == 1
    torch.manual_seed(0)
    z = torch.randn(4, 7, 2)
    for k in range(7):
        alone = posterior.scale_theta.inverse(posterior.flow(z[:, k], posterior.encode_x(x[k : k + 1])))
        torch.testing.assert_close(together[:, k], alone, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(sampler, "KEYS", 2 * len(theta))
    monkeypatch.setattr(sampler, "BATCH", 6)
    torch.manual_seed(0)
    torch.testing.assert_close(posterior.sample_batched((4,), x=x[:7]), together, rtol=1e-4, atol=1e-4)
    assert len(calls) > 9
