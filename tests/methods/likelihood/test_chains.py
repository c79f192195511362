import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from methods.likelihood import differential_evolution

SHARE, SPREAD = 0.3, 0.2  # Share of the left mode, and the standard deviation of both.
BIMODAL = MixtureSameFamily(
    Categorical(torch.tensor([SHARE, 1 - SHARE])),
    Independent(Normal(torch.tensor([[-1.0, 0.0], [1.0, 0.5]]), SPREAD), 1),
)


def test_chains_keep_an_exact_sample_of_two_modes():
    n = 4000
    ends = differential_evolution(BIMODAL.log_prob, BIMODAL.sample((n, 1)), 60)[:, 0]
    is_left = ends[:, 0] < 0
    # Bounds are 4.5 standard errors of as many independent draws.
    assert abs(float(is_left.float().mean()) - SHARE) < 4.5 * (SHARE * (1 - SHARE) / n) ** 0.5
    for mode, mean in [(is_left, [-1.0, 0.0]), (~is_left, [1.0, 0.5])]:
        found, k = ends[mode], int(mode.sum())
        assert ((found.mean(0) - torch.tensor(mean)).abs() < 4.5 * SPREAD / k**0.5).all()
        assert ((found.std(0) - SPREAD).abs() < 4.5 * SPREAD / (2 * k) ** 0.5).all()


def test_wide_chains_converge_to_a_normal():
    covariance = torch.tensor([[1.0, 0.8], [0.8, 2.0]])
    exact, n = MultivariateNormal(torch.tensor([2.0, -1.0]), covariance), 3000
    ends = differential_evolution(exact.log_prob, 8.0 * torch.randn(n, 1, 2), 150)[:, 0]
    spread = covariance.diagonal().sqrt()
    # 4.5 standard errors of independent draws; a start still shows for fewer steps.
    assert ((ends.mean(0) - exact.mean).abs() < 4.5 * spread / n**0.5).all()
    error = (ends.T.cov() - covariance).abs()
    # The variance of a covariance is (C_ii C_jj + C_ij²) / n.
    assert (error < 4.5 * ((spread[:, None] * spread).square() + covariance.square()).sqrt() / n**0.5).all()


def test_observations_are_not_mixed():
    """Proposals with differences across targets 1000 apart would be refused, or move means."""
    n, centre = 2000, torch.tensor([[0.0, 0.0], [1000.0, -1000.0]])
    spread = torch.tensor([[1.0], [0.1]])

    def log_density(u):
        return -0.5 * ((u - centre) / spread).square().sum(-1)

    start = centre + 3.0 * spread * torch.randn(n, 2, 2)
    ends = differential_evolution(log_density, start, 100)
    assert ((ends.mean(0) - centre).abs() < 4.5 * spread / n**0.5).all()
    assert ((ends.std(0) / spread - 1).abs() < 4.5 / (2 * n) ** 0.5).all()


def test_chains_move_in_most_steps_and_never_where_the_density_is_zero():
    def log_density(u):
        return torch.where((u > 0).all(-1), 0.0, -torch.inf)

    start = torch.rand(500, 1, 2)
    ends = differential_evolution(log_density, start, 20)
    assert (ends > 0).all()
    assert float((ends != start).any(-1).float().mean()) > 0.95


def test_the_density_is_evaluated_once_a_step_and_once_at_the_start():
    calls = []

    def log_density(u):
        calls.append(len(u))
        return -u.square().sum(-1)

    differential_evolution(log_density, torch.randn(7, 2, 3), 5)
    assert calls == [7] * 6


def test_two_chains_are_enough_to_run():
    ends = differential_evolution(lambda u: -u.square().sum(-1), torch.randn(2, 1, 1), 12)
    assert ends.isfinite().all()
