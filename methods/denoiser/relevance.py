"""A test of which columns of x are relevant to theta.

Two columns count as related if polynomials of their ranks are correlated by more than chance. This is a rank
test of independence with Legendre polynomials (Kallenberg, Ledwina, J. Am. Stat. Assoc. 94, 1999). A column
is relevant if it is related to theta or to another relevant column: noise that several columns share carries
information about theta if one of them depends on theta.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

__all__ = ["relevant_columns"]

LEVEL = 0.01  # Probability that any column independent of theta passes one round of tests.
LEAST = 100  # Smallest number of rows. With fewer, rank correlations are not close enough to normal.


def relevant_columns(theta: Tensor, x: Tensor) -> np.ndarray:
    """Return a mask of the relevant columns of x, ``(dim_x,)``. With fewer than 100 rows all are relevant.

    The tests use polynomials of first and second order in x, and of first and second order in theta, which
    include products of two columns of theta.

    Arguments:
        theta: Parameters, ``(K, dim_theta)``.
        x: Data, ``(K, dim_x)``. A constant column is not relevant.

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
    """Return the first and second Legendre polynomial of each column's ranks, standardised."""
    from scipy.stats import rankdata

    ranks = _standardised(rankdata(columns, axis=0))
    return ranks, _standardised(np.square(ranks))


def _standardised(columns: np.ndarray) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    # A constant column becomes zero, so it is related to nothing.
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)


def _related(columns: tuple[np.ndarray, np.ndarray], others: np.ndarray) -> np.ndarray:
    """Return which columns, given by their polynomials, are correlated with the others beyond chance."""
    from scipy.stats import norm

    num_rows, num_columns = columns[0].shape
    num_tests = max(1, len(columns) * num_columns * others.shape[1])
    threshold = norm.isf(0.5 * LEVEL / num_tests) / np.sqrt(num_rows)
    largest = [np.abs(part.T @ others).max(axis=1, initial=0.0) / num_rows for part in columns]
    return np.maximum(*largest) > threshold
