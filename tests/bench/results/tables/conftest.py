import pytest


@pytest.fixture
def grid(written_rows):
    """Rows of three methods on two tasks at three observations: a is best, b near it, c far from it."""
    means = {"a": 0.60, "b": 0.61, "c": 0.80}
    noise = {"a": (0.0, 0.02, 0.04), "b": (0.03, 0.0, 0.04), "c": (0.0, 0.02, 0.04)}
    return [
        {"task": task, "method": method, "num_observation": k + 1, "c2st": means[method] + noise[method][k]}
        for task in ("sir", "two_moons")
        for method in means
        for k in range(3)
    ]
