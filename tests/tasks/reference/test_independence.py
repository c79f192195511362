import numpy as np
import pytest

from tasks.reference.independence import run_chains


def test_three_states_get_their_probabilities():
    """The states are proposed with equal probabilities and have weights 1 : 2 : 5."""
    rng = np.random.default_rng(0)
    proposals = rng.integers(3, size=(4, 20_000, 1)).astype(float)
    log_w = np.log(np.array([1.0, 2.0, 5.0]))[proposals[..., 0].astype(int)]
    states, acceptance = run_chains(np.zeros((4, 1)), np.zeros(4), proposals, log_w, rng)
    share = np.bincount(states.astype(int).ravel(), minlength=3) / states.size
    # 4.5 standard errors of 20 000 independent states; a state is kept for three or four steps.
    np.testing.assert_allclose(share, [1 / 8, 2 / 8, 5 / 8], atol=0.0155)
    expected = sum(v / 8 * min(1.0, w / v) / 3 for v in (1, 2, 5) for w in (1, 2, 5))
    assert acceptance == pytest.approx(expected, abs=0.0155)


def test_an_impossible_proposal_is_never_taken_and_an_impossible_start_is_left():
    proposals, log_w = np.array([[[1.0], [2.0], [3.0]]]), np.array([[-np.inf, 0.0, -np.inf]])
    rng = np.random.default_rng(0)
    states, acceptance = run_chains(np.array([[9.0]]), np.array([-np.inf]), proposals, log_w, rng)
    assert states.ravel().tolist() == [9.0, 2.0, 2.0]
    assert acceptance == pytest.approx(1 / 3)
