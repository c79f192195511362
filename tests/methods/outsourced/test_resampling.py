import torch

from methods.outsourced import resampled


def test_each_column_is_drawn_in_proportion_to_its_weights():
    torch.manual_seed(0)
    log_weights = torch.tensor([[0.0, 5.0], [1.0, -1e6], [2.0, 5.0]]) + torch.tensor([-300.0, 300.0])
    found = resampled(log_weights, 1000)
    assert found.shape == (1000, 2)
    shares = [column.bincount(minlength=3) / 1000 for column in found.T]
    torch.testing.assert_close(shares[0], torch.tensor([0.0, 1.0, 2.0]).softmax(0), atol=1e-3, rtol=0)
    torch.testing.assert_close(shares[1], torch.tensor([0.5, 0.0, 0.5]), atol=1e-3, rtol=0)


def test_with_equal_weights_every_value_is_drawn_once():
    assert resampled(torch.zeros(50, 1), 50).flatten().sort().values.tolist() == list(range(50))


def test_one_draw_of_two_is_as_likely_as_its_weight():
    torch.manual_seed(0)
    found = torch.cat([resampled(torch.tensor([[0.2], [0.8]]).log(), 1) for _ in range(2000)])
    assert abs(float(found.double().mean()) - 0.8) < 4.5 * (0.8 * 0.2 / 2000) ** 0.5
