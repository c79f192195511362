"""Access to sbibm's stored observations and reference posteriors without an import of its task modules."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tasks.contract.base import Task

__all__ = ["SbibmTask"]

SBIBM = (
    "Lueckmann, Boelts, Greenberg, Gonçalves, Macke: Benchmarking Simulation-Based Inference, AISTATS 2021 "
    "(arXiv 2101.04653); package sbibm 1.1.0"
)


class SbibmTask(Task):
    """A task whose ten observations and references of 10 000 draws are those that sbibm ships.

    Attributes:
        folder: Name of the task's folder inside sbibm; variants of a task share one.
        observation_file: Name of the file inside ``num_observation_K`` that holds the observation.
    """

    folder: str
    observation_file: str = "observation.csv"

    def true_theta(self, num_observation: int) -> Tensor:
        """The stored parameters that the observation was simulated from, ``(1, dim_theta)``."""
        return self._stored(num_observation, "true_parameters.csv")

    def observation(self, num_observation: int) -> Tensor:
        """The stored observation, ``(1, dim_x)``."""
        return self._stored(num_observation, self.observation_file)

    def reference_samples(self, num_observation: int) -> Tensor:
        """The stored draws from the reference posterior, ``(10_000, dim_theta)``."""
        return self._stored(num_observation, "reference_posterior_samples.csv.bz2")

    def stored_file(self, *parts: str) -> Path:
        """Path of a file in the task's folder inside the installed sbibm package."""
        return sbibm_root() / "tasks" / self.folder / "files" / Path(*parts)

    def _stored(self, num_observation: int, file: str) -> Tensor:
        self.check_observation(num_observation)
        path = self.stored_file(f"num_observation_{num_observation}", file)
        return torch.from_numpy(_read(path).copy())


@lru_cache(maxsize=64)
def _read(path: Path) -> np.ndarray:
    import pandas as pd

    return np.atleast_2d(pd.read_csv(path).to_numpy(dtype=np.float32))


@lru_cache(maxsize=1)
def sbibm_root() -> Path:
    """Folder of the installed sbibm package.

    Raises:
        ModuleNotFoundError: if sbibm is not installed; the message gives the command that installs it.
    """
    spec = importlib.util.find_spec("sbibm")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "sbibm's tasks need the package sbibm: pip install --no-deps sbibm==1.1.0", name="sbibm"
        )
    return Path(spec.origin).parent
