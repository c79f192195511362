"""Check of the device: float32 against float64, graphs against plain calls, and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import torch
from torch import Tensor

from bench.clock.timing import timed
from bench.gpu.measured import Aim, Measured, Setting, repeated
from methods.contract.counting import Evaluations
from methods.learning.networks import seeded
from methods.learning.precision import fast_products
from methods.student import student_network
from methods.student.replay import Replayed
from methods.student.student_networks import StudentNetwork
from tasks.contract.seeding import derive_seed

__all__ = ["device_check"]

SIZE, PRODUCTS = 4096, 20
ROWS = 10_000
NETWORKS = {"one_pass": (96, 4, 6), "exact_score_net": (128, 6, 1)}  # width, depth and branches by default
SINGLE, REDUCED = Aim(1e-5), Aim(1e-2)  # errors of float32 and of TF32
CLOCK = Aim(0.05)
SLEEP_CYCLES = 100_000_000  # about 0.05 s
SLEEP_S = 0.05


def device_check(setting: Setting) -> Iterator[Measured]:
    """Yield relative errors of products and networks, and relative errors of the clock.

    The error of a result is its root mean square difference from the result in float64, relative to the root
    mean square of the latter. The clock is checked in two ways: twice as many products, or twice as long a
    sleep of the device, must take twice as long; and the system's clock must agree.
    """
    size = setting.count(SIZE, least=256)
    generator = torch.Generator().manual_seed(derive_seed("gpu products"))
    a, b = torch.randn(2, size, size, generator=generator).to(setting.device)
    exact = a.double() @ b.double()
    sizes = {"size": size}
    yield Measured("matrix product", "error, TF32 off", _error(a @ b, exact), sizes=sizes, aim=SINGLE)
    with fast_products(a.device):
        reduced = a @ b
    yield Measured("matrix product", "error, TF32 on", _error(reduced, exact), sizes=sizes, aim=REDUCED)
    yield from _networks(setting)
    yield from _clock(setting, a, b)


def _error(result: Tensor, exact: Tensor) -> float:
    return float((result.double() - exact).square().mean().sqrt() / exact.square().mean().sqrt())


def _networks(setting: Setting) -> Iterator[Measured]:
    rows = setting.count(ROWS)
    generator = torch.Generator().manual_seed(derive_seed("gpu networks"))
    z, x = (part.to(setting.device) for part in torch.randn(2, rows, 2, generator=generator))
    for name, (width, depth, branches) in NETWORKS.items():
        # The hidden part alone, since the choice of a branch is random.
        network: StudentNetwork = seeded(partial(student_network(width, depth, branches), 2, 2), 0)
        inner = network.mlp.to(setting.device)
        inputs = (z, x) if branches > 1 else (torch.cat([z, x], dim=1),)
        sizes = {"rows": rows, "width": width, "depth": depth, "branches": branches}
        with torch.no_grad():
            plain = inner(*inputs)
            with fast_products(z.device):
                reduced = inner(*inputs)
            replayed = Replayed(inner, Evaluations())
            again = max(float((replayed(*inputs) - plain).abs().max()) for _ in range(3))
            exact = inner.double()(*(part.double() for part in inputs))
        yield Measured(name, "error, TF32 off", _error(plain, exact), sizes=sizes, aim=SINGLE)
        yield Measured(name, "error, TF32 on", _error(reduced, exact), sizes=sizes, aim=REDUCED)
        yield Measured(name, "largest difference of a replay", again, sizes=sizes, aim=Aim(1e-5))


def _clock(setting: Setting, a: Tensor, b: Tensor) -> Iterator[Measured]:
    out = torch.empty_like(a)

    def products(number: int) -> None:
        for _ in range(number):
            torch.mm(a, b, out=out)

    sizes = {"size": len(a), "products": PRODUCTS}
    _, one = repeated(partial(products, PRODUCTS), setting, "matrix products", "seconds", sizes)
    _, two = repeated(partial(products, 2 * PRODUCTS), setting, "matrix products", "seconds", sizes)
    yield one
    rate = 2 * len(a) ** 3 * PRODUCTS / one.value / 1e12
    yield Measured("matrix products", "float32 rate", rate, "TFLOP/s", sizes, num_calls=one.num_calls)
    off = abs(two.value / (2 * one.value) - 1)
    yield Measured("clock", "twice as many products", off, sizes=sizes, aim=CLOCK, num_calls=one.num_calls)
    sleep = _sleep(setting)
    sleep(1)
    short, long = (median(timed(partial(sleep, n), setting.device)[1] for _ in range(3)) for n in (1, 2))
    yield Measured("sleep", "seconds", short, "s", num_calls=3)
    yield Measured("clock", "twice the sleep", abs(long / (2 * short) - 1), aim=CLOCK, num_calls=3)
    start = time.perf_counter()
    _, seconds = timed(partial(sleep, 1), setting.device)
    wall = time.perf_counter() - start
    yield Measured("clock", "difference from the system's", abs(wall / seconds - 1), aim=CLOCK)


def _sleep(setting: Setting) -> Callable[[int], None]:
    """Return a function that keeps the device busy for so many units of time, about 0.05 s each."""
    if setting.device == "cuda":
        return lambda number: torch.cuda._sleep(number * SLEEP_CYCLES)
    return lambda number: time.sleep(number * SLEEP_S)
