"""Which columns of x have anything to do with theta.

Two columns count as related where polynomials of their ranks are correlated by more than chance (rank tests
of independence with Legendre polynomials: Kallenberg, Ledwina, J. Am. Stat. Assoc. 94, 1999). A column is
relevant that is related to theta, or to a relevant column: noise that several columns share says something
of theta as soon as one of them does.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

__all__ = ["relevant_columns"]

LEVEL = 0.01  # probability of taking in any column at all that has nothing to do with theta
LEAST = 100  # rows: with fewer the ranks' correlations are not near enough to normal


def relevant_columns(theta: Tensor, x: Tensor) -> np.ndarray:
    """True for relevant columns, ``(dim_x,)``; all of them where there are fewer than a hundred rows.

    Seen are correlations of first and second order in x, and of first and second order in theta, products of
    two of its columns among them.

    Arguments:
        theta: ``(K, dim_theta)``.
        x: ``(K, dim_x)``; a constant column is not relevant.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> theta, noise, other = torch.randn(3, 1000, 1).unbind()
        >>> relevant_columns(theta, torch.cat([theta + noise, noise, other], dim=1))
        array([ True,  True, False])
    """
    columns = x.detach().double().cpu().numpy()
    if len(columns) < LEAST:
        return np.ones(columns.shape[1], dtype=bool)
    first, second = _polynomials(columns)
    parameters = _polynomials(theta.detach().double().cpu().numpy())
    left, right = np.triu_indices(theta.shape[1], 1)
    products = _standardised(parameters[0][:, left] * parameters[0][:, right])
    relevant = _related((first, second), np.hstack([*parameters, products]))
    new = relevant
    while new.any():
        new = _related((first, second), np.hstack([first[:, new], second[:, new]])) & ~relevant
        relevant = relevant | new
    return relevant


def _polynomials(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second Legendre polynomial of each column's ranks, standardised."""
    from scipy.stats import rankdata

    ranks = _standardised(rankdata(columns, axis=0))
    return ranks, _standardised(np.square(ranks))


def _standardised(columns: np.ndarray) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    # What does not vary is related to nothing: zero.
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)


def _related(columns: tuple[np.ndarray, np.ndarray], others: np.ndarray) -> np.ndarray:
    """Which columns, each by its polynomials, have a correlation beyond chance with any of the others."""
    from scipy.stats import norm

    num_rows, num_columns = columns[0].shape
    num_tests = max(1, len(columns) * num_columns * others.shape[1])
    threshold = norm.isf(0.5 * LEVEL / num_tests) / np.sqrt(num_rows)
    largest = [np.abs(part.T @ others).max(axis=1, initial=0.0) / num_rows for part in columns]
    return np.maximum(*largest) > threshold
