import pytest
import torch

from bench.metrics import MetricError, ppc


def test_equals_sbibms_median_distance():
    from sbibm.metrics import median_distance

    generator = torch.Generator().manual_seed(0)
    predictive, x_o = torch.randn(201, 3, generator=generator), torch.randn(1, 3, generator=generator)
    assert ppc(predictive, x_o) == pytest.approx(float(median_distance(predictive, x_o)), rel=1e-6)


def test_failed_simulations_are_left_out_and_none_left_is_an_error():
    predictive = torch.tensor([[1.0], [torch.nan], [3.0], [2.0]])
    assert ppc(predictive, torch.zeros(1, 1)) == 2.0
    with pytest.raises(MetricError, match="no finite simulation"):
        ppc(predictive[1:2], torch.zeros(1, 1))
    with pytest.raises(MetricError, match="shape"):
        ppc(predictive, torch.zeros(1, 2))
