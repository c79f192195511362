import torch

from methods.transforms.encoding import Encoding
from methods.transforms.tails import ScaledData, Tails, extreme_simulations


def test_ordinary_columns_are_left_unchanged():
    torch.manual_seed(0)
    x = torch.cat([torch.randn(1000, 1), torch.randn(1000, 1).exp(), torch.full((1000, 1), 7.0)], dim=1)
    tails = Tails(x)
    assert not tails.extreme.any()
    assert tails(x) is x
    assert extreme_simulations(x).sum() == 0


def test_a_few_huge_values_do_not_hide_all_others():
    torch.manual_seed(0)
    x = torch.randn(1000, 2)
    clean = x.clone()
    x[:25, 0] = 1e38
    x[25:30, 0] = -3e38
    for scale in (ScaledData(x), Encoding(x)):
        bulk = scale(x)[30:, 0]
        assert scale(x).isfinite().all()
        assert 0.3 < float(bulk.std()) < 1.5
        assert torch.corrcoef(torch.stack([bulk, clean[30:, 0]]))[0, 1] > 0.99
    assert Tails(x).extreme.tolist() == [True, False]
    assert extreme_simulations(x)[:30].all()
    assert int(extreme_simulations(x).sum()) == 30


def test_rows_that_are_not_finite_are_not_counted_as_extreme():
    x = torch.linspace(-1, 1, 200)[:, None].clone()
    x[0], x[1], x[2] = torch.nan, torch.inf, 1e38
    assert extreme_simulations(x).nonzero().flatten().tolist() == [2]
    assert extreme_simulations(x[:2]).sum() == 0


def test_compression_keeps_the_order_up_to_its_limit():
    torch.manual_seed(0)
    x = torch.cat([torch.randn(1000), torch.tensor([1e38])])[:, None]
    values = Tails(x)(torch.linspace(-100.0, 100.0, 500)[:, None])[:, 0]
    assert (values.diff() > 0).all()


def test_the_encoding_does_not_depend_on_units_or_large_constants():
    torch.manual_seed(0)
    x = torch.cat([torch.randn(500, 2), torch.poisson(torch.randn(500, 1).exp().mul(30))], dim=1)
    expected = Encoding(x)(x)
    for unit in (1e-30, 1e-21, 1e-12, 1e12, 1e30):
        torch.testing.assert_close(Encoding(unit * x)(unit * x), expected, rtol=1e-3, atol=1e-4)
    for constant in (1e7, -1e10):
        shifted = x[:, :2].double() + constant
        torch.testing.assert_close(Encoding(shifted)(shifted), expected[:, :2], rtol=1e-2, atol=2e-2)


def test_a_skewed_column_is_transformed_wherever_it_lies():
    torch.manual_seed(0)
    x = (1.5 * torch.randn(2000, 1)).exp().double()
    assert Encoding(x).transformed.all()
    assert Encoding(x + 1e9).transformed.all()


def test_counts_over_decades_keep_their_small_values_apart():
    torch.manual_seed(0)
    counts = torch.poisson((13 * torch.rand(2000, 1) - 2).exp())
    c = Encoding(counts)(torch.tensor([[2.0], [20.0], [200.0], [2000.0]]))[:, 0]
    assert (c.diff() > 0.3).all()
