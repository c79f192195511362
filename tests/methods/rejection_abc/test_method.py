import torch
from torch.distributions import Independent, Normal

import methods
from methods.rejection_abc.method import _roots

PRIOR = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)


def test_parameters_that_are_tied_stay_tied():
    """Offsets that sum to zero have a singular covariance."""
    torch.manual_seed(0)
    theta = PRIOR.sample((300,))
    theta = theta - theta.mean(1, keepdim=True)
    posterior = methods.get("rejection_abc[num_accepted=40]").fit(PRIOR, theta, theta)
    samples = posterior.sample((200,), x=theta[:1])
    assert samples.isfinite().all()
    assert float(samples.sum(1).abs().max()) < 1e-3


def test_equal_parameters_have_no_spread():
    """Before, the kernel's covariance had no Cholesky factor and the draw failed."""
    theta = torch.zeros(50, 3)
    theta[:, 0] = torch.linspace(-1.0, 1.0, 50)
    posterior = methods.get("rejection_abc[num_accepted=20]").fit(PRIOR, theta, theta)
    samples = posterior.sample((200,), x=theta[:1])
    assert (samples[:, 1:] == 0.0).all()
    assert float(samples[:, 0].std()) > 0.01


def test_roots_of_singular_matrices_in_different_units():
    columns = torch.tensor([[1e-12, 2e12, 0.0], [1e-12, 2e12, 0.0]], dtype=torch.float64)
    singular = columns.T @ columns
    root = _roots(singular[None])[0]
    torch.testing.assert_close(root @ root.T, singular, rtol=1e-6, atol=1e-30)
    regular = torch.eye(3).double()[None] * torch.tensor([1e-24, 1.0, 1e24])
    torch.testing.assert_close(_roots(regular), torch.linalg.cholesky(regular), rtol=0, atol=0)
