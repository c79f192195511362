"""Regression of a mean, with cross-validated residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from methods.contract.seeding import derive_seed

if TYPE_CHECKING:
    from sklearn.pipeline import FeatureUnion

__all__ = ["MeanRegression"]

LENGTHS = (0.3, 0.6, 1.0, 2.0)  # Length scales of the radial features, in units of sqrt(dimension).
NUM_FEATURES = 500
ALPHAS = np.logspace(-4, 4, 17)  # Candidate penalties of the ridge regression.
FOLDS = 10
BETTER = 0.98  # Radial features are used if their squared error is below this share of the linear one.
MAX_ROWS = 4000  # Maximum number of rows on which features and penalty are chosen.


class MeanRegression:
    """A ridge regression on linear and possibly radial features, with whitened residuals.

    The radial features are Nyström features of a Gaussian kernel. They are used only if they lower the
    leave-one-out error, which also chooses the length scale and the penalty.

    Arguments:
        c: Inputs of unit scale, ``(K, dim_c)``.
        y: Targets, ``(K, dim_y)``.
        seed: Seed for landmarks and folds.

    Attributes:
        cholesky: Cholesky factor of the covariance of the cross-validated residuals, ``(dim_y, dim_y)``.
        whitened: Whitened cross-validated residuals of the targets, ``(K, dim_y)``.
    """

    def __init__(self, c: Tensor, y: Tensor, seed: int = 0) -> None:
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import KFold, cross_val_predict

        inputs, targets = c.double().cpu().numpy(), y.double().cpu().numpy()
        features, alpha = _choose(inputs[:MAX_ROWS], targets[:MAX_ROWS], seed)
        self._features, self._model = features, Ridge(alpha=alpha)
        design = self._design(inputs)
        folds = KFold(
            min(FOLDS, len(inputs)), shuffle=True, random_state=derive_seed("folds of the mean", seed)
        )
        predicted = cross_val_predict(self._model, design, targets, cv=folds).reshape(targets.shape)
        self._model.fit(design, targets)
        residual = targets - predicted
        covariance = np.atleast_2d(np.cov(residual.T))
        # Residuals of discrete data can be linearly dependent. A small diagonal keeps the factor computable.
        covariance += 1e-9 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        self.cholesky = torch.from_numpy(np.linalg.cholesky(covariance))
        self.whitened = self._white(residual).to(y)

    def __call__(self, c: Tensor, w: Tensor) -> Tensor:
        """Return targets ``(N, dim_y)`` for inputs c ``(N, dim_c)`` and residuals w ``(N, dim_y)``."""
        return (torch.from_numpy(self._mean(c)) + w.double().cpu() @ self.cholesky.T).to(w)

    def whiten(self, c: Tensor, y: Tensor) -> Tensor:
        """Return whitened residuals ``(N, dim_y)`` of targets y at inputs c outside the training set."""
        return self._white(y.double().cpu().numpy() - self._mean(c)).to(y)

    def _mean(self, c: Tensor) -> np.ndarray:
        return self._model.predict(self._design(c.double().cpu().numpy())).reshape(len(c), -1)

    def _white(self, residual: np.ndarray) -> Tensor:
        columns = torch.from_numpy(residual).T
        return torch.linalg.solve_triangular(self.cholesky, columns, upper=False).T

    def _design(self, inputs: np.ndarray) -> np.ndarray:
        return inputs if self._features is None else self._features.transform(inputs)


def _choose(inputs: np.ndarray, targets: np.ndarray, seed: int) -> tuple[FeatureUnion | None, float]:
    """Return the features (None for linear ones only) and penalty of lowest leave-one-out error."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.pipeline import FeatureUnion
    from sklearn.preprocessing import FunctionTransformer

    best: FeatureUnion | None = None
    least, alpha = _leave_one_out(inputs, targets)
    least *= BETTER
    for length in LENGTHS:
        landmarks = min(NUM_FEATURES, len(inputs) // 2)
        gamma = 0.5 / (length**2 * inputs.shape[1])
        radial = Nystroem(gamma=gamma, n_components=landmarks, random_state=derive_seed("landmarks", seed))
        identity: Callable[..., FunctionTransformer] = FunctionTransformer
        union = FeatureUnion(
            [("linear", identity()), ("radial", radial)], transformer_weights={"linear": 1.0, "radial": 3.0}
        ).fit(inputs)
        error, penalty = _leave_one_out(union.transform(inputs), targets)
        if error < least:
            best, least, alpha = union, error, penalty
    return best, alpha


def _leave_one_out(design: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=ALPHAS).fit(design, targets)
    return -float(model.best_score_), float(model.alpha_)
