import json
from types import SimpleNamespace

import numpy as np
import pytest

from bench.metrics.calibration_pairs import LEVELS
from bench.results.schema import COLUMNS
from bench.results.store import Store

METHODS = ("exact_score", "exact_score_net", "fmpe", "nle", "npe", "npse", "nre", "one_pass", "prior")
METHODS += ("rejection_abc", "inflationary", "outsourced")
TASKS = ("two_moons", "slcp", "sir", "lotka_volterra", "gaussian_mixture", "gaussian_linear")
TASKS += ("bernoulli_glm", "heat_1d", "ringdown", "lorenz63", "slcp_distractors", "gaussian_linear_uniform")


def _written_rows(directory, tasks, methods, budgets=(1000,), seeds=(0,), num_observations=2, **columns):
    """Write rows of made-up numbers, a cell for each combination, and return their store."""
    chance, store = np.random.default_rng(0), Store(directory)
    for number, (task, method, budget, seed) in enumerate(
        (task, method, budget, seed)
        for task in tasks
        for method in methods
        for budget in budgets
        for seed in seeds
    ):
        cell = f"{number:020x}"
        curve = np.clip(LEVELS + chance.normal(0, 0.02, len(LEVELS)), 0, 1).tolist()
        base = dict.fromkeys(COLUMNS) | {
            "task": task,
            "task_version": "1",
            "method": method,
            "method_version": "1",
            "params": json.dumps({"width": 64, "seed_of_fit": seed}),
            "changed_params": "{}",
            "task_sha256": "1" * 64,
            "method_sha256": "2" * 64,
            "num_simulations": budget,
            "seed": seed,
            "status": "ok",
            "error": "",
            "num_posterior_samples": 10_000,
            "batch_size": 1,
            "sbc_curve": [*curve, *curve],
            "coverage_curve": curve,
            "tarp_curve": curve,
            "num_calibration": 200,
            "num_calibration_finite": 200,
            "device": "cpu",
            "device_name": "AMD EPYC",
            "timing": "exclusive",
            "dtype": "float32",
            "threads": 1,
            "cell": cell,
            "scorebench_version": "0.1.0",
            "git_commit": "3" * 40,
            "torch_version": "2.13.0",
            "sbi_version": "0.27.0",
            "started_at": f"2026-11-27T03:{number % 60:02d}:00.000+00:00",
        }
        rows = []
        for k in range(1, num_observations + 1):
            numbers = [
                "mmd2",
                "sliced_w2",
                "marginal_kl",
                "ppc",
                "sbc_ks",
                "coverage_error",
                "tarp_ece",
                "c2st_se",
            ]
            numbers += [
                "train_s",
                "sample_s",
                "simulate_s",
                "peak_memory_mb",
                "cell_s",
                "nfe",
                "foreign_load",
            ]
            values = dict(zip(numbers, chance.lognormal(0, 1, len(numbers)).tolist(), strict=True))
            values |= {name: float(chance.uniform(0.5, 1)) for name in ("c2st", "c2st_es", "c2st_rf")}
            digest = f"{int(chance.integers(2**62)):016x}" * 4
            rows.append(base | values | {"num_observation": k, "samples_sha256": digest} | columns)
        store.write_cell(cell, rows)
    return store


@pytest.fixture(scope="session")
def made_up():
    """The function that writes rows, and twelve names of tasks and of methods."""
    return SimpleNamespace(rows=_written_rows, tasks=TASKS, methods=METHODS)


@pytest.fixture(scope="session")
def small_directory(tmp_path_factory):
    """A directory with rows of three methods on two tasks at two budgets."""
    directory = tmp_path_factory.mktemp("small")
    _written_rows(directory, TASKS[:2], ("npe", "prior", "reference"), budgets=(100, 1000))
    return directory
