"""A test of which columns of x are relevant to theta.

Two columns count as related if polynomials of their ranks are correlated by more than chance. This is a rank
test of independence with Legendre polynomials (Kallenberg, Ledwina, J. Am. Stat. Assoc. 94, 1999). A column
is relevant if it is related to theta or to another relevant column: noise that several columns share carries
information about theta if one of them depends on theta. Two columns are also relevant if their product is
related to theta, although one of them may not be: in x = (s theta + noise, s) the sign s tells nothing of
theta on its own.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

__all__ = ["relevant_columns"]

LEVEL = 0.01  # Probability that any column independent of theta passes one round of tests.
PAIR_LEVEL = 0.001  # The same for one round of tests of all pairs of columns.
# Largest number of rows in the tests of pairs, and of products of all pairs that are computed. With many
# columns there are fewer rows, but not fewer than LEAST_PAIR_ROWS.
PAIR_ROWS, PAIR_PRODUCTS, LEAST_PAIR_ROWS = 4000, 10**9, 1000
LEAST = 100  # Smallest number of rows. With fewer, rank correlations are not close enough to normal.


def relevant_columns(theta: Tensor, x: Tensor) -> np.ndarray:
    """Return a mask of the relevant columns of x, ``(dim_x,)``. With fewer than 100 rows all are relevant.

    The tests use polynomials of first and second order in x, and of first and second order in theta, which
    include products of two columns of theta. The tests of pairs use products of a first-order polynomial of
    one column with a first- or second-order polynomial of another.

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
    others = np.hstack([*parameters, products])
    relevant = _with_relatives((first, second), _related((first, second), others))
    if relevant.all():
        return relevant
    return _with_relatives((first, second), relevant | _related_in_pairs((first, second), others, ~relevant))


def _with_relatives(columns: tuple[np.ndarray, np.ndarray], relevant: np.ndarray) -> np.ndarray:
    """Return the relevant columns and all that are related to them, directly or along a chain."""
    new = relevant
    while new.any():
        new = _related(columns, np.hstack([part[:, new] for part in columns])) & ~relevant
        relevant = relevant | new
    return relevant


def _related_in_pairs(
    columns: tuple[np.ndarray, np.ndarray], others: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Return which columns have a product with another that is correlated with the others beyond chance.

    Only products with at least one of the columns ``asked`` are tested. The correlations are divided by their
    own standard errors, since the variance of a product depends on how its factors and theta are related.
    """
    from scipy.stats import norm

    num_columns = columns[0].shape[1]
    rows = min(PAIR_ROWS, max(LEAST_PAIR_ROWS, PAIR_PRODUCTS // num_columns**2))
    first, second = (part[:rows] for part in columns)
    others = others[:rows]
    squares = np.square(others)
    num_tests = max(1, 3 * int(asked.sum()) * num_columns * others.shape[1])
    threshold = norm.isf(0.5 * PAIR_LEVEL / num_tests)
    found = np.zeros(num_columns, dtype=bool)
    for column in np.flatnonzero(asked):
        for one, every in ((first, first), (first, second), (second, first)):
            product = every * one[:, column, None]
            total = product.T @ others
            error = np.sqrt(np.square(product).T @ squares)
            related = (np.abs(total) > threshold * error).any(axis=1)
            related[column] = False
            found |= related
            found[column] |= related.any()
    return found


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
