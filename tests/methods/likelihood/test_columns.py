import pytest
import torch
from torch.distributions import Normal

from methods.likelihood.columns import Columns, LogColumns, candidate_columns
from methods.transforms.encoding import Encoding

USED = torch.tensor([True])


def kinds(x):
    return [type(columns) for columns in candidate_columns(x, Encoding(x))]


def test_logarithms_are_a_candidate_where_all_used_columns_are_positive():
    x = torch.randn(200, 2)
    assert kinds(x) == [Columns]
    assert kinds(x.exp()) == [Columns, LogColumns]
    assert kinds(torch.cat([x.exp(), torch.zeros(200, 1)], dim=1)) == [
        Columns,
        LogColumns,
    ]  # a constant column
    assert kinds(torch.cat([x.exp(), x[:, :1]], dim=1)) == [Columns]
    x[0] = 1e30  # Compressed tails have no formula of their own.
    assert kinds(x.abs() + 0.1) == [Columns]


def test_logarithms_are_standardised():
    x = torch.cat([torch.randn(300, 2).exp(), torch.zeros(300, 1)], dim=1)
    columns = LogColumns(x, Encoding(x).used)
    found = columns(x)
    assert found.shape == (300, 2)
    torch.testing.assert_close(found.mean(0), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(found.std(0), torch.ones(2), rtol=0, atol=0.01)
    torch.testing.assert_close(columns.of_used(x[:, :2]), found)


def test_values_at_or_below_zero_count_as_the_smallest_one():
    x = torch.tensor([[0.5], [1.0], [2.0], [4.0]])
    columns = LogColumns(x, USED)
    found = columns(torch.tensor([[-3.0], [0.0], [0.5]]))
    assert (found == found[2]).all()
    assert columns.log_slope(torch.tensor([[-3.0], [0.0]])).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_slope_of_logarithms_is_that_of_autograd(dtype):
    x = torch.randn(40, 3, dtype=dtype).exp()
    columns = LogColumns(x, torch.tensor([True, False, True]))
    jacobian = torch.autograd.functional.jacobian(lambda x: columns(x).sum(0), x)
    exact = jacobian[[0, 1], :, [0, 2]].log().sum(0)
    torch.testing.assert_close(columns.log_slope(x), exact.float(), rtol=1e-4, atol=1e-4)


DATA = {
    "normal": lambda n: 3.0 + 2.0 * torch.randn(n, 1),
    "lognormal": lambda n: (1.5 * torch.randn(n, 1)).exp(),
    "exponential": lambda n: -20.0 * torch.rand(n, 1).log(),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("kind", [0, -1])
def test_a_density_of_columns_times_the_slope_integrates_to_one(name, kind):
    x = DATA[name](400)
    columns = candidate_columns(x, Encoding(x))[kind]
    low, high = (float(value) for value in (x.min(), x.max()))
    grid = torch.linspace(low, high, 40_001, dtype=torch.float64)[:, None]
    density = (Normal(0.0, 0.5).log_prob(columns(grid))[:, 0] + columns.log_slope(grid)).double().exp()
    mass = float(torch.trapezoid(density, grid[:, 0]))
    ends = Normal(0.0, 0.5).cdf(columns(torch.tensor([[low], [high]])))
    assert mass == pytest.approx(float(ends[1] - ends[0]), abs=2e-3)


def test_the_slope_does_not_depend_on_a_large_constant():
    """Differences of a thousandth of a standard deviation are below the spacing of float32 here."""
    x = torch.randn(300, 2).round(decimals=1)
    near, far = (Columns(Encoding(x + constant), x + constant) for constant in (0.0, 1e5))
    torch.testing.assert_close(far.log_slope(x + 1e5), near.log_slope(x), rtol=0, atol=0.02)
