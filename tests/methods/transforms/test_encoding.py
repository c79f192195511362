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
