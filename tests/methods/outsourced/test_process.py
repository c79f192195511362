import torch

from methods.outsourced import NoiseProcess


def test_trajectories_are_stationary_and_forget_their_start():
    torch.manual_seed(0)
    process = NoiseProcess()
    states = process.back_from(torch.randn(20_000, 1), torch.randn(25, 20_000, 1))
    assert states.shape == (26, 20_000, 1)
    assert (states.std(1) - 1.0).abs().max() < 0.03
    correlations = torch.stack([torch.corrcoef(torch.cat([s, states[-1]], 1).T)[0, 1] for s in states])
    torch.testing.assert_close(correlations, process.correlations.float(), atol=0.03, rtol=0)
    assert process.correlations[0] < 0.02


def test_the_last_step_adds_little_noise():
    last = NoiseProcess(least=0.003).decays[-1]
    assert float((1 - last.square()).sqrt()) < 0.0031


def test_innovations_are_what_made_the_steps():
    process, noise = NoiseProcess(steps=5), torch.randn(5, 7, 2, dtype=torch.float64)
    states = [torch.randn(7, 2, dtype=torch.float64)]
    for decay, step in zip(process.decays, noise, strict=True):
        states.append(decay * states[-1] + (1 - decay**2).sqrt() * step)
    torch.testing.assert_close(process.innovations(torch.stack(states)), noise)
