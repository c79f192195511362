import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    """Two test processes share two cores; results must not depend on the number of threads either."""
    torch.set_num_threads(1)


@pytest.fixture
def untouched_random_state():
    """Fails the test if it left torch's global generator in another state."""
    before = torch.random.get_rng_state()
    yield
    assert torch.equal(before, torch.random.get_rng_state()), "the global random state has changed"
