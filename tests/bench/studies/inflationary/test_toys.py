import pytest
import torch

from bench.studies.inflationary import TOYS, toy


@pytest.mark.parametrize("name", TOYS)
def test_points_are_standardised_and_repeat(name):
    points, colour = toy(name, 400, "train")
    assert points.dtype == torch.float32
    assert len(colour) == 400
    torch.testing.assert_close(points.mean(0), torch.zeros(points.shape[1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(points.std(0), torch.ones(points.shape[1]))
    assert torch.equal(points, toy(name, 400, "train")[0])
    assert not torch.equal(points, toy(name, 400, "test")[0])
