import pytest

PLUGIN = '''
"""A task without a reference and methods that fail on purpose."""

import torch
from torch.distributions import Independent, Normal

from methods import Method, Posterior, register_method
from tasks import Task, register_task


@register_task("shaky")
class Shaky(Task):
    """One simulation in ten fails."""

    dim_theta, dim_x, num_observations = 2, 2, 3

    def prior(self):
        return Independent(Normal(torch.zeros(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        generator = torch.Generator().manual_seed(seed)
        x = theta + torch.randn(theta.shape, generator=generator)
        if len(theta) > 1:
            x[::10] = torch.nan
        return x


@register_task("huge")
class Huge(Shaky):
    """Two simulations in a hundred are huge, and one in ten fails."""

    def simulate(self, theta, seed):
        x = super().simulate(theta, seed)
        x[5::50] = 1e38
        return x


@register_task("broken_simulator")
class BrokenSimulator(Shaky):
    """All simulations fail."""

    def simulate(self, theta, seed):
        return torch.full((len(theta), 2), torch.nan)

    def observation(self, num_observation):
        return torch.zeros(1, 2)


class Same(Posterior):
    """Remembers what it was fitted on; fails for observations whose data are large."""

    def __init__(self, theta, x, limit):
        self.theta, self.x, self.limit = theta, x, limit

    def sample(self, sample_shape, x):
        if x.abs().max() > self.limit:
            raise RuntimeError("too far out")
        return self.theta[torch.randint(len(self.theta), sample_shape)]


@register_method("same")
class SameMethod(Method):
    """Draws stored parameters."""

    limit: float = 1e9
    raises: bool = False

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        if self.raises:
            raise ValueError("cannot fit <b>this</b>")
        return Same(theta, x, self.limit)


@register_method("nan_samples")
class NanSamples(SameMethod):
    """Gives samples that are not numbers."""

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Same(theta * torch.nan, x, self.limit)


@register_method("outside")
class Outside(SameMethod):
    """Gives samples far outside the prior."""

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Same(theta + 100.0, x, self.limit)


class OneLess(Same):
    def sample(self, sample_shape, x):
        return super().sample((sample_shape[0] - 1,), x)


@register_method("too_few")
class TooFew(SameMethod):
    """Gives fewer samples than asked for."""

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return OneLess(theta, x, self.limit)
'''


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    """Path of a plug-in file, which is the same for the whole session."""
    path = tmp_path_factory.mktemp("plugin") / "shaky_plugin.py"
    path.write_text(PLUGIN)
    return str(path)


FAULTY = '''
"""Methods that misbehave, one that writes down every fit, and a task that no classifier has to score."""

import os
import signal
import time

import torch
from torch.distributions import Independent, Normal

from methods import Method, Posterior, register_method
from tasks import Task, register_task


@register_task("unscored")
class Unscored(Task):
    """Without a reference: a cell takes as long as its method."""

    dim_theta, dim_x, num_observations = 2, 2, 1

    def prior(self):
        return Independent(Normal(torch.zeros(2), torch.ones(2)), 1)

    def simulate(self, theta, seed):
        return theta + torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed))


class Kept(Posterior):
    def __init__(self, theta):
        self.theta = theta

    def sample(self, sample_shape, x):
        return self.theta[torch.randint(len(self.theta), sample_shape)]


@register_method("counted")
class Counted(Method):
    """Takes its time."""

    seconds: float = 0.3
    number: int = 0

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        with open(os.environ["FAULTY_LOG"], "a") as log:
            log.write(f"{self.number} ")
        time.sleep(self.seconds)
        return Kept(theta)


@register_method("dies")
class Dies(Method):
    """As a segmentation fault would."""

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        os.kill(os.getpid(), signal.SIGKILL)


@register_method("hangs")
class Hangs(Method):
    """For an hour."""

    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        time.sleep(3600)
'''


@pytest.fixture(scope="session")
def faulty(tmp_path_factory):
    """Path of a plug-in file with methods that misbehave."""
    path = tmp_path_factory.mktemp("faulty") / "faulty.py"
    path.write_text(FAULTY)
    return path


@pytest.fixture
def fits(tmp_path, monkeypatch):
    """A record of the fits that the method ``counted`` has made so far."""
    log = tmp_path / "fits.log"
    monkeypatch.setenv("FAULTY_LOG", str(log))
    return lambda: log.read_text().split() if log.exists() else []


@pytest.fixture
def written_rows():
    """A function that makes rows of results from a few values of each; the rest is as after a good cell.

    Each row gives ``task``, ``method``, ``num_observation`` and columns of its own.
    """
    import pyarrow as pa

    from bench.results.schema import COLUMNS, SCHEMA

    base = dict.fromkeys(COLUMNS) | {
        "num_simulations": 1000,
        "seed": 0,
        "status": "ok",
        "num_posterior_samples": 10_000,
        "device": "cpu",
        "timing": "exclusive",
        "params": "{}",
        "task_version": "1",
        "method_version": "1",
    }

    def make(records):
        return pa.Table.from_pylist([base | record for record in records], schema=SCHEMA).to_pandas()

    def write(directory, records):
        from bench.results.store import Store

        frame = make(records).astype(object)
        frame = frame.where(frame.notna(), None)
        cells = frame.groupby(["task", "method", "num_simulations", "seed"])
        for number, (_, cell) in enumerate(cells):
            Store(directory).write_cell(
                f"{number:020x}", cell.assign(cell=f"{number:020x}").to_dict("records")
            )
        return directory

    make.to = write
    return make
