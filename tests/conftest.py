import contextlib
import os
import sys

import numpy as np
import pytest
import torch

from bench.metrics import C2ST, metric_class
from bench.metrics import registry as metrics_registry
from bench.results.figures import figure as figures
from bench.run import plugins
from methods.contract import registry as methods_registry
from tasks.contract import registry as tasks_registry

# A shift of all seeds, see CONTRIBUTING.md. A test that passes at one shift only depends on chance.
SEED_SHIFT = int(os.environ.get("SCOREBENCH_SEED_SHIFT", "0"))
_shift = 0  # shift for the test that is running


def _shifted(seed):
    return seed + _shift if isinstance(seed, int | np.integer) else seed


class _ShiftedGenerator(torch.Generator):
    def manual_seed(self, seed):
        return super().manual_seed(_shifted(seed))


def pytest_configure():
    if SEED_SHIFT:
        manual_seed, default_rng = torch.manual_seed, np.random.default_rng
        torch.manual_seed = lambda seed: manual_seed(_shifted(seed))
        torch.Generator = _ShiftedGenerator
        np.random.default_rng = lambda seed=None: default_rng(_shifted(seed))


# Hooks are used instead of a fixture because fixtures of a module are made before those of a test.
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    global _shift
    _shift = 0 if item.get_closest_marker("stored_values") else SEED_SHIFT


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    global _shift
    _shift = 0


@pytest.fixture(autouse=True, scope="session")
def _one_thread_for_fixtures():
    """One thread also for fixtures of modules, which are made before the fixtures of a test."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _one_thread():
    """One thread, as test processes share the cores; results must not depend on the number of threads."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded():
    """Seeds global random states, so that a test's draws do not depend on the tests before it."""
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture
def untouched_random_state(_seeded):
    """Fails the test if it changes the state of torch's global generator."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state()), "the global random state has changed"


@contextlib.contextmanager
def _registries_restored():
    """Forgets what plug-ins have registered in the meantime, and that they were loaded."""
    registries = (tasks_registry, methods_registry, metrics_registry, figures)
    known = {module._registry: module._registry.own() for module in registries}
    before = set(sys.modules)
    yield
    for registry, classes in known.items():
        registry._classes = classes
    for name in set(sys.modules) - before:
        if name.startswith(plugins.PLUGIN):
            del sys.modules[name]


@pytest.fixture(autouse=True, scope="module")
def _plugins_of_a_module():
    """Plug-ins that fixtures of a module load are registered for its tests alone."""
    with _registries_restored():
        yield


@pytest.fixture(autouse=True)
def _plugins_of_a_test():
    """Plug-ins that a test loads are registered for it alone; the next may run over all registered names."""
    with _registries_restored():
        yield


@pytest.fixture(autouse=True)
def _folders_of_plugins(monkeypatch):
    """Removes a plug-in's folder from the search path, or the next test's plug-in would find its modules."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(plugins, "_folders", list(plugins._folders))


def _by_distance(pairs, **_):
    """A C2ST for each pair at once, 0.5 for equal means and near 1 for distant ones; nothing is trained."""
    scale = [
        ((samples.mean(0) - reference.mean(0)) / reference.std(0)).norm() for reference, samples in pairs
    ]
    return [C2ST(np.full((1, 5), 1 - 0.5 / (1 + float(distance)))) for distance in scale]


@pytest.fixture(scope="session")
def classifiers_replaced():
    """A context in which cells of this process are scored without training a classifier.

    The three C2ST columns are nine tenths of the time of a small cell. Tests of what happens around a cell,
    or of figures, do not look at these values.
    """

    @contextlib.contextmanager
    def replaced():
        with pytest.MonkeyPatch.context() as patched:
            for name in ("c2st", "c2st_es", "c2st_rf"):
                patched.setattr(metric_class(name), "test", lambda self, pairs, device: _by_distance(pairs))
            yield

    return replaced


@pytest.fixture
def quick_classifiers(classifiers_replaced):
    """The test runs within ``classifiers_replaced``."""
    with classifiers_replaced():
        yield
