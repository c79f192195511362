"""Fits and the C2ST keep their tensors on one device, which a pretended GPU checks without a GPU."""

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Uniform

import methods
from bench.metrics import c2st_many, mlp_ensemble
from methods.student.teacher_labels import between_neighbours

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("pretended_gpu")]
QUICK = (
    "npe[max_num_epochs=1]",
    "fmpe[max_num_epochs=1]",
    "npse[max_num_epochs=1,steps=30]",
    "exact_score",
    "exact_score_net[num_labels=100,training_steps=3]",
    "denoiser[training_steps=6,num_emulated=100]",
    "denoiser[training_steps=6,num_emulated=100,refinement_steps=3]",
    "learned_likelihood[training_steps=6,steps=3,num_prior_draws=200]",
    "one_pass[training_steps=6,num_emulated=100,num_labels=100,student_steps=3,passes=2]",
)
PRIORS = {
    "box": Independent(Uniform(-torch.ones(2), torch.ones(2)), 1),
    "normal": MultivariateNormal(torch.zeros(2), torch.eye(2)),
}


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("spec", QUICK)
def test_a_method_stays_on_its_device(spec, prior):
    theta = PRIORS[prior].sample((120,))
    x = theta.exp() + 0.1 * torch.randn(120, 2)
    method = methods.get(spec)
    method.warm_up("cuda")
    posterior = method.fit(PRIORS[prior], theta, x, device="cuda", seed=0)
    for samples in (posterior.sample((5,), x=x[:1]), posterior.sample_batched((5,), x=x[:3])):
        assert samples.device.type == "cuda"
        assert samples.cpu().isfinite().all()


def test_the_c2st_is_the_same_there(monkeypatch):
    monkeypatch.setattr(mlp_ensemble, "MAX_EPOCHS", 20)
    generator = torch.Generator().manual_seed(0)
    pairs = [tuple(torch.randn(2, 40, 2, generator=generator)) for _ in range(2)]
    there = c2st_many([(reference, 3.0 * samples) for reference, samples in pairs], device="cuda")
    here = c2st_many([(reference, 3.0 * samples) for reference, samples in pairs])
    assert [one.mean for one in there] == pytest.approx([one.mean for one in here], abs=0.05)


def test_mistakes_are_found():
    inside, outside = torch.ones(2, device="cuda"), torch.ones(2)
    with pytest.raises(RuntimeError, match="same device"):
        inside + outside
    with pytest.raises(RuntimeError, match="same device"):
        torch.nn.Linear(2, 2).to("cuda")(outside)
    with pytest.raises(RuntimeError, match="same device"):
        outside[torch.zeros(1, dtype=torch.long, device="cuda")]
    with pytest.raises(TypeError, match="numpy"):
        inside.numpy()
    with pytest.raises(RuntimeError, match="generator"):
        torch.randn(2, device="cuda", generator=torch.Generator())
    torch.testing.assert_close(inside.cpu(), outside)
    assert between_neighbours(torch.randn(9, 2, device="cuda"), 4, 0).device.type == "cuda"
