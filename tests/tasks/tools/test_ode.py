import torch

from tasks.tools.ode import solve


def test_the_solver_is_of_fourth_order():
    def rhs(t, y):
        return torch.stack([y[:, 1], -y[:, 0]], dim=1)

    start = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    times = torch.tensor([0.0, 2.0], dtype=torch.float64)
    errors = [
        float((solve(rhs, start, times, n)[0, -1, 0] - torch.cos(times[1])).abs()) for n in (10, 20, 40)
    ]
    assert 12 < errors[0] / errors[1] < 20
    assert 12 < errors[1] / errors[2] < 20


def test_rows_do_not_depend_on_their_batch():
    def rhs(t, y):
        return -y * y

    start = torch.rand(7, 1, dtype=torch.float64)
    times = torch.linspace(0, 1, 4, dtype=torch.float64)
    assert torch.equal(solve(rhs, start, times, 5)[3:4], solve(rhs, start[3:4], times, 5))
