import pytest
import torch
from torch.distributions import Exponential, Independent, LogNormal, MultivariateNormal, Normal, Uniform

from methods.transforms.noise_map import noise_map

PRIORS = {
    "uniform": Independent(Uniform(torch.tensor([-1.0, 2.0]), torch.tensor([1.0, 5.0])), 1),
    "normal": Independent(Normal(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 3.0])), 1),
    "lognormal": Independent(LogNormal(torch.tensor([0.1, -1.0]), torch.tensor([0.5, 0.2])), 1),
    "multivariate": MultivariateNormal(torch.tensor([1.0, 0.0]), torch.tensor([[2.0, 0.6], [0.6, 0.5]])),
}


@pytest.mark.parametrize("kind", PRIORS)
def test_the_prior_is_a_function_of_noise(kind):
    torch.manual_seed(0)
    # Beyond four deviations float32 has no room left between theta and the end of its interval.
    prior, z = PRIORS[kind], torch.randn(20_000, 2).clamp(-4.0, 4.0)
    mapped = noise_map(prior)
    theta = mapped.theta(z)
    torch.testing.assert_close(mapped.noise(theta), z, atol=2e-3, rtol=1e-3)
    # By the change of volume, theta has the prior's density.
    few = z[:20].double().requires_grad_()
    image = mapped.theta(few)
    jacobian = torch.stack(
        [torch.autograd.grad(image[:, j].sum(), few, retain_graph=True)[0] for j in (0, 1)]
    )
    volume = jacobian.transpose(0, 1).det().abs().log()
    normal = Normal(0.0, 1.0).log_prob(few).sum(1)
    expected = prior.log_prob(image.detach().float()).double()
    torch.testing.assert_close((normal - volume).detach(), expected, atol=1e-3, rtol=1e-3)


def test_another_prior_is_named():
    with pytest.raises(ValueError, match="a prior of kind Exponential is no known function"):
        noise_map(Independent(Exponential(torch.ones(2)), 1))
