"""Posterior samples of rows: those that are kept, and the posterior that gave them, fitted again."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from bench.errors import UsageError
from bench.results.one_row import NAMED_BY, one_row
from bench.results.refitted import Refitted
from bench.results.sample_files import SampleFiles
from bench.results.schema import COLUMNS, Row

__all__ = ["RowSamples"]


class RowSamples(ABC):
    """The part of :class:`bench.results.store.Store` that finds the samples and the posterior of a row."""

    directory: Path

    @abstractmethod
    def read(self, columns: Sequence[str], *, shown: bool) -> pd.DataFrame:
        """Return all rows."""

    @abstractmethod
    def rows(self, cell: str) -> list[Row]:
        """Return a cell's rows with all columns."""

    @property
    def sample_files(self) -> SampleFiles:
        """The kept samples of this directory."""
        return SampleFiles(self.directory)

    def samples(
        self,
        *,
        task: str | None = None,
        method: str | None = None,
        num_simulations: int | None = None,
        seed: int | None = None,
        num_observation: int | None = None,
        num_samples: int | None = None,
        device: str | None = None,
        cell: str | None = None,
    ) -> Tensor:
        """Return the posterior samples kept for one row, ``(N, dim_theta)``, float32.

        They are the first N samples of the row, in the units of theta (``scorebench run --keep samples``).

        Arguments:
            task: Name of the task. This and what follows may be left out if all rows agree in it.
            method: Specification ``name[param=value,…]``, or a name as tables show it. A name alone is the
                method with its default parameters.
            num_simulations: Simulation budget.
            seed: Seed of the cell.
            num_observation: Number of the observation, from 1.
            num_samples: Number of posterior samples that the row was scored with.
            device: Device that the row was run on.
            cell: Value of the column ``cell``. Only this cell's file is read then, not all rows.

        Raises:
            UsageError: if not exactly one good row of the newest version fits, or its samples are not kept.
        """
        row = self._row(
            task=task,
            method=method,
            num_simulations=num_simulations,
            seed=seed,
            num_observation=num_observation,
            num_posterior_samples=num_samples,
            device=device,
            cell=cell,
        )
        k = int(row["num_observation"])
        kept = self.sample_files.read(row["cell"], k, row["samples_sha256"])
        if kept is None:
            raise UsageError(
                f"no samples are kept of {row['task']} {row['method']}, observation {k} (expected in "
                f"{self.sample_files.path(row['cell'])}); scorebench run --keep samples makes them again"
            )
        return torch.from_numpy(kept)

    def posterior(
        self,
        *,
        task: str | None = None,
        method: str | None = None,
        num_simulations: int | None = None,
        seed: int | None = None,
        num_samples: int | None = None,
        device: str | None = None,
        cell: str | None = None,
    ) -> Refitted:
        """Fit the method of a cell again; the posterior is a :class:`bench.results.refitted.Refitted`.

        The method is fitted on the simulations in ``DIR/simulations``, or on the same ones simulated again,
        with the cell's seeds and number of threads. Nothing is written.

        Arguments:
            task: Name of the task. This and what follows select the cell, as in :meth:`samples`.
            method: Specification or name of the method.
            num_simulations: Simulation budget.
            seed: Seed of the cell.
            num_samples: Number of posterior samples for each row.
            device: Device that the cell was run on, and on which the method is fitted again.
            cell: Value of the column ``cell``.

        Raises:
            UsageError: if not exactly one cell of the newest version fits, its task or method is not
                registered or has another version now, or its device is missing.
        """
        row = self._row(
            each_cell=True,
            task=task,
            method=method,
            num_simulations=num_simulations,
            seed=seed,
            num_posterior_samples=num_samples,
            device=device,
            cell=cell,
        )
        # Results know nothing of what runs cells; this is imported only when a cell is fitted again.
        refit = importlib.import_module("bench.run.refit")
        posterior: Refitted = refit.refitted(self.rows(row["cell"]), self.directory)
        return posterior

    def _row(self, *, each_cell: bool = False, **named: Any) -> pd.Series:
        """Return the row that is named; with ``each_cell``, any good row of the one cell that is named."""
        if named["cell"] is None:
            rows = self.read([*NAMED_BY, "samples_sha256"], shown=True)
        else:
            rows = pd.DataFrame(self.rows(named["cell"]), columns=COLUMNS)
            if rows.empty:
                raise UsageError(f"{self.directory}: no cell {named['cell']!r} there")
        good = rows[(rows["status"] == "ok") & rows["invalid"].isna()]
        return one_row(good.drop_duplicates("cell") if each_cell else good, named)
