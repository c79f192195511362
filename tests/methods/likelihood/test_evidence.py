import math

import pytest
import torch
from torch.distributions import Normal

from methods.likelihood.evidence import log_evidence


def estimates(width, mean, log_z, n, repeats):
    """Estimates of Z of a scaled normal, with N(0, 1) as the other density; each column is a repetition."""
    q, p = Normal(0.0, 1.0), Normal(mean, width)
    proposed, drawn = q.sample((n, repeats)), p.sample((n, repeats))
    ratios = [log_z + p.log_prob(z) - q.log_prob(z) for z in (proposed, drawn)]
    return log_evidence(*ratios)


@pytest.mark.parametrize(("width", "mean"), [(1.0, 0.0), (0.3, 0.5), (2.0, 0.0), (1.0, 1.5), (0.05, 0.0)])
@pytest.mark.parametrize("log_z", [0.0, -700.0, 500.0])
def test_the_constant_of_a_scaled_normal(width, mean, log_z):
    n, repeats = 400, 300
    found = estimates(width, mean, log_z, n, repeats)
    # Ratios reach 1000 nats and are float32, with a rounding error of 1e-4 at most.
    bias = 0.5 * float(found.var())  # That of a logarithm of an estimate, to second order.
    bound = 4.5 * float(found.std()) / repeats**0.5 + bias + 1e-3
    assert abs(float(found.mean()) - log_z) < bound
    assert float(found.std()) < 0.25


def test_the_error_falls_with_the_number_of_draws():
    few, many = (float(estimates(0.3, 0.5, 0.0, n, 400).std()) for n in (50, 800))
    # Sixteen times the draws give a quarter of the error; a ratio of two such has an error of 5 %.
    assert few / many == pytest.approx(4.0, rel=4.5 * 0.05 + 0.1)


def test_it_knows_parts_that_the_first_density_misses():
    """An average over draws of q = N(0, 0.1²) of a far wider density would be a small part of Z."""
    q, p = Normal(0.0, 0.1), Normal(0.0, 1.0)
    proposed, drawn = q.sample((2000, 100)), p.sample((2000, 100))
    ratios = [p.log_prob(z) - q.log_prob(z) for z in (proposed, drawn)]
    found = log_evidence(*ratios)
    plain = (torch.logsumexp(ratios[0], dim=0) - math.log(2000)).mean()
    assert abs(float(found.mean())) < 4.5 * float(found.std()) / 10 + 0.5 * float(found.var())
    assert float(plain) < -0.5


def test_unequal_numbers_of_draws():
    q, p = Normal(0.0, 1.0), Normal(0.5, 0.5)
    proposed, drawn = q.sample((300, 300)), p.sample((900, 300))
    found = log_evidence(*(2.0 + p.log_prob(z) - q.log_prob(z) for z in (proposed, drawn)))
    # The optimal weights are those of equal numbers, so the estimate is right, though not the best.
    assert float(found.mean()) == pytest.approx(2.0, abs=4.5 * float(found.std()) / 300**0.5 + 0.01)
