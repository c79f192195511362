import numpy as np
import torch

from methods.transforms.encoding import Encoding


def test_plain_columns_are_standardised_and_constant_ones_left_out():
    x = torch.cat([5 + 0.01 * torch.randn(400, 2), torch.full((400, 1), 3.0)], dim=1)
    encode = Encoding(x)
    c = encode(x)
    assert not encode.transformed.any()
    assert c.shape == (400, 2)
    torch.testing.assert_close(c.mean(0), torch.zeros(2), rtol=0, atol=1e-3)
    torch.testing.assert_close(c.std(0), torch.ones(2), rtol=0, atol=5e-3)


def test_skewed_columns_come_out_near_normal_and_beside_themselves():
    torch.manual_seed(0)
    # Normal quantiles in random order are used, since the largest random draws would dominate the skewness.
    normal = torch.special.ndtri((torch.randperm(2000) + 0.5) / 2000)[:, None]
    counts = torch.poisson((2 + 1.5 * normal).exp())
    encode = Encoding(counts)
    c = encode(counts)
    assert c.shape == (2000, 2)
    skew = (c.double() ** 3).mean(0) / c.double().std(0) ** 3
    assert abs(float(skew[0])) < 0.3 * float(skew[1])


def test_widening_gives_what_encoding_does():
    torch.manual_seed(0)
    x = torch.cat([torch.randn(300, 2), torch.randn(300, 1).exp()], dim=1)
    encode = Encoding(x)
    torch.testing.assert_close(encode.widen(encode.gaussian(x)), encode(x))
    assert torch.allclose(encode(x)[:, -1], (x[:, 2] - x[:, 2].mean()) / x[:, 2].std(), rtol=0.01, atol=0.01)
    assert encode.widen(torch.full((1, 3), 1e6)).isfinite().all()


def test_the_inverse_returns_the_used_columns():
    x = torch.cat([torch.randn(200, 1), (2.0 * torch.randn(200, 2)).exp(), torch.ones(200, 1)], dim=1)
    x = torch.cat([x, 1e6 + torch.randn(200, 1, dtype=torch.float64)], dim=1)
    encode = Encoding(x, seen=np.array([True, True, False, True, True]))
    assert encode.used.tolist() == [True, True, False, False, True]
    assert encode.num_columns == 3
    found = encode.inverse(encode.gaussian(x))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, x[:, encode.used], rtol=1e-4, atol=1e-4)
    far = encode.inverse(torch.full((1, 3), 50.0))  # Clipped near the simulations' range.
    assert far.isfinite().all()
    assert (far[0, 0] < x[:, 0].max() + x[:, 0].std()).all()


def test_extreme_tails_are_said_to_be_compressed():
    x = torch.randn(200, 2)
    assert not Encoding(x).is_compressed
    x[0, 1] = 1e30
    assert Encoding(x).is_compressed
