"""Rows of made-up results, as many tasks, methods and budgets as a test wants, and kept samples for them."""

import json

import numpy as np
import pandas as pd
import pytest

import tasks
from bench.metrics.calibration_pairs import LEVELS
from bench.results.schema import COLUMNS

METHODS = [
    *("npe", "fmpe", "npse", "nre", "nle", "one_pass", "exact_score", "exact_score_net", "inflationary"),
    *("learned_likelihood", "rejection_abc", "prior"),
]
TASKS = [
    *("two_moons", "sir", "lotka_volterra", "gaussian_mixture", "gaussian_linear", "gaussian_linear_uniform"),
    *("slcp", "slcp_distractors", "bernoulli_glm", "bernoulli_glm_raw", "student_t_mixture_15_5"),
    "advection_diffusion",
]


def _row(task, method, budget, seed, k, rng):
    skill = METHODS.index(method) / len(METHODS) if method in METHODS else 0.5
    hard = TASKS.index(task) / len(TASKS) if task in TASKS else 0.5
    c2st = 0.5 + 0.5 * np.clip(
        (0.2 + 0.5 * skill + 0.4 * hard) * (1000 / budget) ** 0.15 + 0.08 * rng.normal(), 0.01, 0.99
    )
    curve = 0.02 * rng.normal(size=(3, len(LEVELS))).cumsum(1) * (0.3 + skill) * np.sin(np.pi * LEVELS)
    if method == "reference":
        c2st = 0.5 + 0.01 * rng.random()
    calibrated = method != "reference"
    return dict.fromkeys(COLUMNS) | {
        "task": task,
        "task_version": "1",
        "method": method,
        "params": "{}",
        "changed_params": "{}",
        "method_version": "1",
        "num_simulations": budget,
        "seed": seed,
        "num_observation": k,
        "status": "ok",
        "num_posterior_samples": 10_000,
        "batch_size": 1,
        "samples_sha256": "0" * 64,
        "c2st": c2st,
        "c2st_rf": c2st - 0.02,
        "mmd2": (c2st - 0.5) ** 2 * np.exp(rng.normal()) + 1e-5,
        "sbc_ks": float(np.abs(curve).max() + 0.03) if calibrated else None,
        "coverage_error": float(np.abs(curve[1]).mean() + 0.01),
        "tarp_ece": float(np.abs(curve[2]).mean() + 0.01),
        "sbc_curve": [*(curve[0] + LEVELS), *(curve[1] + LEVELS)],
        "coverage_curve": list(curve[1] + LEVELS),
        "tarp_curve": list(curve[2] + LEVELS),
        "num_calibration": 200,
        "num_calibration_finite": 200,
        "train_s": 0.0 if method in ("prior", "reference") else 10 ** (3 * (1 - skill) + 0.2 * rng.normal()),
        "sample_s": 10 ** (-2 + 4 * np.sin(7 * skill) ** 2 + 0.2 * rng.normal()),
        "device": "cpu",
        "timing": "exclusive",
        "cell": f"{task}-{method}-{budget}-{seed}",
        "scorebench_version": "0.1.0",
        "git_commit": "0123abc",
        "torch_version": "2.13.0",
        "sbi_version": "0.27.0",
    }


@pytest.fixture(scope="session")
def made_up():
    """A function that returns rows of so many tasks, methods and budgets, of three observations each."""

    def rows(num_tasks=3, num_methods=6, budgets=(1000, 10_000), floor=True, seeds=2):
        rng = np.random.default_rng(0)
        methods = [*METHODS[:num_methods], *(["reference"] if floor else [])]
        return pd.DataFrame(
            [
                _row(task, method, budget, seed, k, rng)
                for task in TASKS[:num_tasks]
                for method in methods
                for budget in budgets
                for seed in range(seeds)
                for k in (1, 2, 3)
            ]
        )

    return rows


@pytest.fixture(scope="session")
def made_up_samples():
    """Samples that a directory would keep for rows of ``made_up``: the reference, moved and stretched."""

    def samples(*, cell, num_observation):
        task, method, *_ = cell.split("-")
        reference = tasks.get(task).reference_samples(num_observation).numpy()
        rng = np.random.default_rng(len(method))
        chosen = reference[rng.permutation(len(reference))[:2000]]
        move, stretch = (
            0.2 * rng.normal(size=chosen.shape[1]),
            np.exp(0.15 * rng.normal(size=chosen.shape[1])),
        )
        return chosen.mean(0) + (chosen - chosen.mean(0)) * stretch + move * chosen.std(0)

    return samples


def with_params(rows, **params):
    """The same rows of a method with other parameters."""
    return rows.assign(params=json.dumps(params), changed_params=json.dumps(params))
