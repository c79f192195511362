"""Problems for which a conditional Gaussian is used, and problems for which it is not."""

import pytest
import torch

from methods.denoiser.density import learn_density
from methods.learning.denoising import split
from methods.learning.sizes import Sizes

SIZES = Sizes(width=32, depth=2, steps=300, batch_size=256, seed=0)


def learned(w, c):
    return learn_density(w, c, *split(len(w), seed=0), SIZES)


@pytest.mark.slow
def test_where_the_spread_depends_on_the_data():
    torch.manual_seed(0)
    c = torch.randn(3000, 1)
    w = (2.0 * c).tanh().exp() * torch.randn(3000, 4)
    conditional = learned(w, c).conditional
    assert conditional is not None
    with torch.no_grad():
        assert 0.85 < float(conditional.whiten(w, c)[c[:, 0] < -1].std()) < 1.15


def test_not_where_the_law_is_far_from_gaussian():
    torch.manual_seed(0)
    c = torch.randn(3000, 1)
    w = (torch.rand(3000, 1) > 0.5).float() * 2.0 - 1.0 + 0.1 * torch.randn(3000, 1)
    assert learned(w, c).conditional is None
