"""The joint form compared with autograd, with the published expression and with the reduced form."""

import math

import pytest
import torch

from methods.diffusion.solvers import solve
from methods.exact_score import JointPosterior, KernelPosterior, Schedule

SIGMA_U, SIGMA_V, SIGMA_Y = 0.3, 0.4, 0.2


def samples(dim_x, k=30):
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(k, 2, generator=generator, dtype=torch.float64)
    return theta, torch.randn(k, dim_x, generator=generator, dtype=torch.float64)


def log_components(theta, x, z_theta, z_x, y, alpha, beta):
    """Log densities of z under each component given y, ``(N, K)``, up to a common constant.

    They follow from the Gaussian distribution of (z_theta, z_x, y) in a component, not from the paper's
    formulas.
    """
    var_theta = alpha**2 * SIGMA_U**2 + beta**2
    out = -0.5 * (z_theta[:, None] - alpha * theta).square().sum(-1) / var_theta
    covariance = torch.tensor(
        [
            [alpha**2 * SIGMA_V**2 + beta**2, alpha * SIGMA_V**2],
            [alpha * SIGMA_V**2, SIGMA_V**2 + SIGMA_Y**2],
        ],
        dtype=torch.float64,
    )
    precision = torch.linalg.inv(covariance)
    for j in range(x.shape[1]):
        offset = torch.stack(
            [z_x[:, None, j] - alpha * x[:, j], (y[0, j] - x[:, j]).expand(len(z_x), -1)], dim=-1
        )
        out = out - 0.5 * torch.einsum("nki,ij,nkj->nk", offset, precision, offset)
    return out


def at(t):
    schedule, time = Schedule(), torch.tensor(t, dtype=torch.float64)
    return float(schedule.alpha(time)), float(schedule.beta(time))


@pytest.mark.parametrize("t", [0.01, 0.3, 0.9, 1.0])
def test_the_score_is_the_gradient_of_the_diffused_posterior(t):
    theta, x = samples(3)
    alpha, beta = at(t)
    z = torch.randn(10, 5, dtype=torch.float64, requires_grad=True)
    y = torch.randn(1, 3, dtype=torch.float64)
    log_p = torch.logsumexp(log_components(theta, x, z[:, :2], z[:, 2:], y, alpha, beta), dim=1)
    (expected,) = torch.autograd.grad(log_p.sum(), z)
    got = JointPosterior(theta, x, SIGMA_U, SIGMA_V, SIGMA_Y).score(z.detach(), y, alpha, beta)
    torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("t", [0.01, 0.3, 0.9])
def test_the_score_is_the_published_expression(t):
    theta, x = samples(3)
    alpha, beta = at(t)
    z, y = torch.randn(10, 5, dtype=torch.float64), torch.randn(1, 3, dtype=torch.float64)
    z_theta, z_x = z[:, None, :2], z[:, None, 2:]
    a, d = alpha**2 * SIGMA_U**2 + beta**2, alpha**2 * SIGMA_V**2 + beta**2
    s1, s2, s3 = beta**2 / d, alpha * SIGMA_V**2 / d, beta**2 * SIGMA_V**2 / d
    m = s1 * x + s2 * z_x
    total = s3 + SIGMA_Y**2
    log_w = -0.5 * ((z_theta - alpha * theta).square().sum(-1) / a + (z_x - alpha * x).square().sum(-1) / d)
    weights = torch.softmax(log_w - 0.5 * (m - y).square().sum(-1) / total, dim=1)[..., None]
    blocks = [-(z_theta - alpha * theta) / a, -(z_x - alpha * x) / d - s2 * (m - y) / total]
    expected = torch.cat([(weights * block).sum(1) for block in blocks], dim=1)
    got = JointPosterior(theta, x, SIGMA_U, SIGMA_V, SIGMA_Y).score(z, y, alpha, beta)
    torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("t", [0.05, 0.5, 0.95])
def test_integrated_over_the_block_of_x_it_is_the_reduced_form(t):
    theta, x = samples(1)
    alpha, beta = at(t)
    z_theta, y = torch.randn(6, 2, dtype=torch.float64), torch.tensor([[0.4]], dtype=torch.float64)
    grid = torch.linspace(-15, 15, 6001, dtype=torch.float64)[:, None]
    joint = torch.stack(
        [
            log_components(theta, x, row.expand(len(grid), -1), grid, y, alpha, beta).exp().sum()
            for row in z_theta
        ]
    )
    # The diffused reduced density is the mixture of the denoiser.
    h_x2, v = SIGMA_V**2 + SIGMA_Y**2, alpha**2 * SIGMA_U**2 + beta**2
    log_w = -(x - y).square().sum(1) / (2 * h_x2)
    distance = (z_theta[:, None] - alpha * theta).square().sum(-1)
    reduced = (log_w - distance / (2 * v)).exp().sum(1)
    torch.testing.assert_close(joint / joint.sum(), reduced / reduced.sum(), rtol=1e-8, atol=0)


def test_both_forms_carry_noise_to_the_same_law_of_theta():
    theta, x = samples(1, k=8)
    y = torch.tensor([[0.4]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(4000, 3, generator=generator, dtype=torch.float64)
    joint = JointPosterior(theta, x, SIGMA_U, SIGMA_V, SIGMA_Y)
    kernel = KernelPosterior(theta, x, SIGMA_U, math.hypot(SIGMA_V, SIGMA_Y))
    full = solve(joint.denoiser(y), noise, "dpmpp_2m", 60, Schedule())[:, :2]
    reduced = solve(kernel.denoiser(y), noise[:, :2], "dpmpp_2m", 60, kernel.schedule)
    # The two maps differ, but they have the same moments, which are those of the mixture.
    weights = kernel.log_weights(y).exp()
    mean = weights @ theta
    covariance = (theta - mean).T @ (weights[:, None] * (theta - mean)) + SIGMA_U**2 * torch.eye(2)
    for drawn in (full, reduced):
        # 4.5 standard errors of 4000 draws.
        widest = float(covariance.max())
        torch.testing.assert_close(drawn.mean(0), mean, rtol=0, atol=4.5 * (widest / 4000) ** 0.5)
        torch.testing.assert_close(drawn.T.cov(), covariance, rtol=0, atol=4.5 * widest * (2 / 4000) ** 0.5)


def test_standard_deviations_must_be_positive():
    with pytest.raises(ValueError, match="must be positive"):
        JointPosterior(*samples(1), SIGMA_U, 0.0, SIGMA_Y)
