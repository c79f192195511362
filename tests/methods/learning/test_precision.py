"""The effect of TF32's ten-bit mantissa, which is small in a network and large in a kernel's exponents."""

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from methods.exact_score import KernelPosterior
from methods.learning.precision import fast_products
from methods.student import BranchedNetwork, PlainNetwork


def rounded(tensor):
    """Values rounded to the nearest TF32 number, with eight bits of exponent and ten of mantissa."""
    bits = tensor.detach().float().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


class Tf32(TorchFunctionMode):
    """Matrix products as a GPU with TF32 computes them."""

    PRODUCTS = (F.linear, torch.matmul, torch.Tensor.matmul, torch.bmm, torch.addmm)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            q, k, v = (rounded(part) for part in args[:3])
            weights = (q @ k.transpose(-1, -2) * kwargs["scale"]).softmax(-1)
            return rounded(weights) @ v
        if func in self.PRODUCTS:
            args = (rounded(args[0]), rounded(args[1]), *args[2:])
        return func(*args, **kwargs)


@pytest.mark.parametrize(
    "make",
    [lambda: PlainNetwork(5, 8, 96, 4), lambda: BranchedNetwork(5, 8, 96, 4, 1)],
    ids=["plain", "branched"],
)
def test_a_student_stays_within_a_thousandth(make):
    torch.manual_seed(0)
    network = make()
    torch.nn.init.normal_(list(network.parameters())[-2], std=0.1)
    z, x = torch.randn(2000, 5), torch.randn(2000, 8)
    with torch.no_grad():
        in_32 = network(z, x)
        with Tf32():
            fast = network(z, x)
        exact = network.double()(z.double(), x.double())
    spread = exact.std()
    assert (in_32 - exact).abs().max() < 2e-5 * spread
    error = (fast - exact).abs()
    assert 1e-6 * spread < error.mean() < 1e-3 * spread


def test_a_kernels_exponents_do_not():
    torch.manual_seed(0)
    theta, x = torch.randn(3000, 2), torch.randn(3000, 8)
    kernel = KernelPosterior(theta, x, 0.05, 0.2)
    double = KernelPosterior(theta.double(), x.double(), 0.05, 0.2)
    z, y = torch.randn(200, 2), torch.randn(200, 8)
    exact = double.denoiser(y.double())(z.double(), 0.8, 0.3)
    plain = (kernel.denoiser(y)(z, 0.8, 0.3) - exact).abs()
    with Tf32():
        fast = (kernel.denoiser(y)(z, 0.8, 0.3) - exact).abs()
    assert plain.mean() < 1e-3
    assert fast.mean() > 20 * plain.mean()


def test_nothing_changes_on_a_cpu():
    before = torch.get_float32_matmul_precision()
    with fast_products(torch.device("cpu")):
        assert torch.get_float32_matmul_precision() == before


def test_a_gpus_setting_comes_back_after_an_error():
    before = torch.get_float32_matmul_precision()
    during = []

    def fails():
        with fast_products(torch.device("cuda")):
            during.append(torch.get_float32_matmul_precision())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert during == ["high"]
    assert torch.get_float32_matmul_precision() == before
