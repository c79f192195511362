import torch
from torch.distributions import Independent, Normal

from methods.denoiser import ConditionalGaussian, GaussianBase
from methods.learning.training import train


def trained_a_little(dim, seed=0):
    """A map after a few training steps, so that it is not the identity."""
    torch.manual_seed(seed)
    gaussian = ConditionalGaussian(dim, 2, width=16, depth=1)
    for parameter in gaussian.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return gaussian


def test_untrained_it_changes_nothing():
    w, c = torch.randn(20, 3), torch.randn(20, 2)
    gaussian = ConditionalGaussian(3, 2, width=8, depth=1)
    torch.testing.assert_close(gaussian.whiten(w, c), w)
    torch.testing.assert_close(gaussian.log_slope(c), torch.zeros(20))


@torch.no_grad()
def test_whitening_is_undone_and_its_slope_is_the_jacobian():
    gaussian = trained_a_little(3)
    w, c = torch.randn(20, 3), torch.randn(20, 2)
    torch.testing.assert_close(gaussian.colour(gaussian.whiten(w, c), c), w, rtol=1e-4, atol=1e-4)
    jacobian = torch.autograd.functional.jacobian(lambda row: gaussian.whiten(row[None], c[:1])[0], w[0])
    torch.testing.assert_close(gaussian.log_slope(c[:1])[0], jacobian.det().abs().log())


@torch.no_grad()
def test_parts_change_nothing(monkeypatch):
    gaussian = trained_a_little(3)
    w, c = torch.randn(20, 3), torch.randn(20, 2)
    white, coloured = gaussian.whiten(w, c), gaussian.colour(w, c)
    monkeypatch.setattr("methods.denoiser.conditional.ROWS", 7)
    torch.testing.assert_close(gaussian.whiten(w, c), white)
    torch.testing.assert_close(gaussian.colour(w, c), coloured)


@torch.no_grad()
def test_colouring_broadcasts():
    gaussian = trained_a_little(2)
    v, c = torch.randn(7, 4, 2), torch.randn(4, 2)
    every = gaussian.colour(v, c)
    torch.testing.assert_close(every[:, 1], gaussian.colour(v[:, 1], c[1:2]), rtol=1e-4, atol=1e-5)


def test_it_learns_a_spread_that_depends_on_the_data():
    torch.manual_seed(0)
    c = torch.rand(4000, 1) * 2 - 1
    w = c.square() + (0.1 + (c > 0).float()) * torch.randn(4000, 1)
    gaussian = ConditionalGaussian(1, 1, width=32, depth=2)
    train(gaussian, gaussian.loss, (w, c), steps=600, batch_size=256, learning_rate=3e-3, seed=0)
    with torch.no_grad():
        v = gaussian.whiten(w, c)
    for side in (c < -0.1, c > 0.1):
        assert abs(float(v[side].mean())) < 0.15
        assert 0.85 < float(v[side].std()) < 1.15


def test_a_base_with_one_goes_there_and_back():
    torch.manual_seed(0)
    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    theta = prior.sample((300,))
    plain = GaussianBase.fit(prior, theta, theta + 0.5 * torch.randn(300, 2))
    base = plain.on_top(trained_a_little(2))
    c = torch.randn(300, 2)
    w = base.whiten(theta, c)
    torch.testing.assert_close(base.theta(w, c), theta, rtol=1e-3, atol=1e-3)
    ends = theta[0] + 0.05 * torch.stack([torch.eye(2), -torch.eye(2)])  # all maps here are affine in theta
    forward, back = (base.whiten(end, c[:1]) for end in ends)
    slope = ((forward - back) / 0.1).det().abs().log()
    torch.testing.assert_close(base.log_slope(theta[:1], c[:1])[0], slope, rtol=1e-3, atol=1e-3)
