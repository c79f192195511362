import pytest
import torch

from methods.diffusion import divergence

MATRIX = torch.tensor([[1.0, 2.0, 0.5], [0.0, -3.0, 1.0], [4.0, 0.2, 0.7]])


def field(z):
    return z @ MATRIX.T + 0.5 * z.square()


def test_the_trace_is_that_of_the_jacobian():
    z = torch.randn(5, 3)
    value, trace = divergence(field, z)
    torch.testing.assert_close(value, field(z))
    torch.testing.assert_close(trace, MATRIX.trace() + z.sum(1))
    assert not value.requires_grad


def test_probes_are_right_on_average():
    z = torch.randn(4, 3)
    probes = torch.randn(4000, 4, 3, generator=torch.Generator().manual_seed(0)).sign()
    _, exact = divergence(field, z)
    _, few = divergence(field, z, probes[:1])
    _, many = divergence(field, z, probes)
    assert (few - exact).abs().max() > 0.5
    # The variance of v' J v comes from the symmetric part of J off its diagonal: here 28, over 4000 probes.
    assert (many - exact).abs().max() == pytest.approx(0.0, abs=5 * (28 / 4000) ** 0.5)
