"""Mean regression whose residuals are those of data that it has not seen."""

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

LENGTHS = (0.3, 0.6, 1.0, 2.0)  # of the radial features, per square root of a dimension
NUM_FEATURES = 500
ALPHAS = np.logspace(-4, 4, 17)
FOLDS = 10
BETTER = 0.98  # radial features must lower the squared error at least to this share of the linear one
MAX_ROWS = 4000  # that the choice is made on


class MeanRegression:
    """Ridge regression on linear features, with radial ones where these do better; and whitened residuals.

    Radial features are Nyström's of a Gaussian kernel. Length and penalty are chosen by leave-one-out error.

    Arguments:
        c: Inputs of unit scale, ``(K, dim_c)``.
        y: Targets, ``(K, dim_y)``.
        seed: Of landmarks and folds.
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
        # Data on a lattice can have residuals that are tied; a jitter keeps the factor.
        covariance += 1e-9 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        self.cholesky = torch.from_numpy(np.linalg.cholesky(covariance))
        self.whitened = self._white(residual).to(y)

    def __call__(self, c: Tensor, w: Tensor) -> Tensor:
        """Targets ``(N, dim_y)`` at inputs c ``(N, dim_c)`` with whitened residuals w ``(N, dim_y)``."""
        return (torch.from_numpy(self._mean(c)) + w.double().cpu() @ self.cholesky.T).to(w)

    def whiten(self, c: Tensor, y: Tensor) -> Tensor:
        """Whitened residuals ``(N, dim_y)`` of targets y at inputs c that the regression has not seen."""
        return self._white(y.double().cpu().numpy() - self._mean(c)).to(y)

    def _mean(self, c: Tensor) -> np.ndarray:
        return self._model.predict(self._design(c.double().cpu().numpy())).reshape(len(c), -1)

    def _white(self, residual: np.ndarray) -> Tensor:
        columns = torch.from_numpy(residual).T
        return torch.linalg.solve_triangular(self.cholesky, columns, upper=False).T

    def _design(self, inputs: np.ndarray) -> np.ndarray:
        return inputs if self._features is None else self._features.transform(inputs)


def _choose(inputs: np.ndarray, targets: np.ndarray, seed: int) -> tuple[FeatureUnion | None, float]:
    """Features (None for linear ones alone) and penalty of the least leave-one-out error."""
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
