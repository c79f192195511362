"""The denoiser compared with autograd and a direct sum, and the ODE with direct draws."""

import math

import pytest
import torch

import tasks
from bench.metrics import c2st
from methods.diffusion.solvers import solve
from methods.exact_score import KernelPosterior, Schedule, leave_one_out
from methods.transforms.standardizer import Standardizer


def random_kernel(dtype, k=50, dim_theta=3, dim_x=4, h_theta=0.3, h_x=0.5):
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(k, dim_theta, generator=generator, dtype=torch.float64)
    x = torch.randn(k, dim_x, generator=generator, dtype=torch.float64)
    return KernelPosterior(theta.to(dtype), x.to(dtype), h_theta, h_x)


def diffused_log_density(kernel, z, x, alpha, v):
    """Log density of alpha · centre + noise of variance v, with centres weighted by x, as a direct sum."""
    log_w = torch.log_softmax(-(kernel.x - x).square().sum(1) / (2 * kernel.h_x**2), 0)
    distance = (z[:, None] - alpha * kernel.theta).square().sum(-1)
    return torch.logsumexp(log_w - distance / (2 * v), dim=1) - 0.5 * z.shape[1] * math.log(2 * math.pi * v)


@pytest.mark.parametrize("t", [0.0, 0.01, 0.3, 0.9, 1.0])
def test_the_score_is_the_gradient_of_the_diffused_density(t):
    kernel = random_kernel(torch.float64)
    time = torch.tensor(t, dtype=torch.float64)
    plain = Schedule()  # the paper's schedule, for samples; the kernel's schedule counts the kernel as noise
    alpha = float(plain.alpha(time))
    v = float(plain.beta(time)) ** 2 + alpha**2 * kernel.h_theta**2
    beta = float(kernel.schedule.beta(time))
    z = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(1, 4, dtype=torch.float64)
    (expected,) = torch.autograd.grad(diffused_log_density(kernel, z, x, alpha, v).sum(), z)
    with torch.no_grad():
        score = (alpha * kernel.denoiser(x)(z, alpha, beta) - z) / beta**2  # Tweedie
    torch.testing.assert_close(score, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_attention_equals_the_direct_sum(dtype, tolerance):
    kernel = random_kernel(dtype)
    exact = random_kernel(torch.float64)
    z, x = torch.randn(30, 3, dtype=torch.float64), torch.randn(30, 4, dtype=torch.float64)
    alpha, beta = 0.8, 0.4
    logits = -(x[:, None] - exact.x).square().sum(-1) / (2 * exact.h_x**2)
    logits = logits - (z[:, None] - alpha * exact.theta).square().sum(-1) / (2 * beta**2)
    expected = torch.softmax(logits, 1) @ exact.theta
    got = kernel.denoiser(x.to(dtype))(z.to(dtype), alpha, beta)
    assert (got.double() - expected).abs().max() < tolerance * expected.abs().max()


def test_one_condition_is_the_same_as_many_equal_ones():
    kernel = random_kernel(torch.float64)
    z, x = torch.randn(6, 3, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    one = kernel.denoiser(x)(z, 0.7, 0.5)
    many = kernel.denoiser(x.expand(6, -1))(z, 0.7, 0.5)
    torch.testing.assert_close(one, many, rtol=1e-10, atol=1e-12)


def test_log_prob_is_the_undiffused_density():
    kernel = random_kernel(torch.float64)
    theta, x = torch.randn(40, 3, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    expected = diffused_log_density(kernel, theta, x, 1.0, kernel.h_theta**2)
    torch.testing.assert_close(kernel.log_prob(theta, x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("solver", "steps"), [("dpmpp_2m", 40), pytest.param("euler", 400, marks=pytest.mark.slow)]
)
def test_the_ode_agrees_with_direct_draws_at_tight_bandwidths(solver, steps):
    """The C2ST between the ODE and direct sampling of the same kernel posterior is at most 0.52."""
    task = tasks.get("two_moons")
    torch.manual_seed(0)
    theta = task.prior().sample((1000,))
    x = task.simulate(theta, seed=0)
    scale_theta, scale_x = Standardizer.fit(theta), Standardizer.fit(x)
    kernel = KernelPosterior(scale_theta(theta), scale_x(x), h_theta=0.03, h_x=0.08)
    x_o = scale_x(task.observation(1))
    direct = kernel.sample(4000, x_o)
    z = torch.randn(4000, 2)
    by_ode = solve(kernel.denoiser(x_o), z, solver, steps, kernel.schedule)
    assert c2st(direct, by_ode) <= 0.52


def test_bandwidths_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        KernelPosterior(torch.zeros(2, 1), torch.zeros(2, 1), 0.0, 1.0)


def test_leave_one_out_finds_the_maximum():
    generator = torch.Generator().manual_seed(0)
    theta = torch.randn(300, 1, generator=generator, dtype=torch.float64)
    x = theta + 0.2 * torch.randn(300, 1, generator=generator, dtype=torch.float64)

    def likelihood(h_theta, h_x):
        total = 0.0
        for i in range(300):
            others = torch.arange(300) != i
            kernel = KernelPosterior(theta[others], x[others], h_theta, h_x)
            total += float(kernel.log_prob(theta[i : i + 1], x[i : i + 1]))
        return total / 300

    h_theta, h_x = leave_one_out(theta, x)
    best = likelihood(h_theta, h_x)
    for factor in (0.7, 1.4):
        assert likelihood(h_theta * factor, h_x) < best
        assert likelihood(h_theta, h_x * factor) < best


def test_leave_one_out_needs_two():
    with pytest.raises(ValueError, match="at least 2"):
        leave_one_out(torch.zeros(1, 1), torch.zeros(1, 1))


@pytest.mark.parametrize("h_x", [0.5, 0.02])
def test_each_observation_has_the_score_that_it_has_alone(h_x):
    kernel = random_kernel(torch.float32, h_x=h_x)
    z, x = torch.randn(5, 6, 3), torch.randn(5, 4)
    together = kernel.denoiser_for_each(x)(z, 0.7, 0.5)
    for k in range(5):
        alone = kernel.denoiser(x[k : k + 1])(z[k], 0.7, 0.5)
        torch.testing.assert_close(together[k], alone, rtol=1e-5, atol=1e-5)
