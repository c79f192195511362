"""The exact score in its joint form, as published in arXiv 2506.18227.

A Gaussian mixture on the joint samples X = [theta; x] has variances sigma_u² and sigma_v² in the two blocks.
It is observed as Y = x + N(0, sigma_y² I) and diffused to Z = alpha X + beta noise. With

    A = alpha² sigma_u² + beta²,  D = alpha² sigma_v² + beta²,
    m_k = (beta² x_k + alpha sigma_v² z_x) / D,  s = beta² sigma_v² / D,

component k of the density of Z given Y = y has the log weight (up to a constant)

    -|z_theta - alpha theta_k|² / 2A - |z_x - alpha x_k|² / 2D - |m_k - y|² / 2(s + sigma_y²)

and the score is the mean over k, under these normalised weights, of

    -(z_theta - alpha theta_k) / A                                                   in the block of theta,
    -(z_x - alpha x_k) / D - (alpha sigma_v² / D) (m_k - y) / (s + sigma_y²)         in the block of x.

Integrating out z_x gives :class:`methods.exact_score.KernelPosterior` with h_theta = sigma_u and
h_x² = sigma_v² + sigma_y². That form needs no ODE in the block of x, and one attention in place of the N x K
distances here. The joint form is kept as the reference for its correctness and speed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from methods.diffusion.solvers import Denoiser

__all__ = ["JointPosterior"]


class JointPosterior:
    """The diffused joint mixture, conditioned on y.

    Arguments:
        theta: Parameters of the simulations, ``(K, dim_theta)``.
        x: Data of the simulations, ``(K, dim_x)``.
        sigma_u: Standard deviation of the kernel in theta, > 0.
        sigma_v: Standard deviation of the kernel in x, > 0.
        sigma_y: Standard deviation of y given x, > 0.

    Raises:
        ValueError: If a standard deviation is not positive.
    """

    def __init__(self, theta: Tensor, x: Tensor, sigma_u: float, sigma_v: float, sigma_y: float) -> None:
        if min(sigma_u, sigma_v, sigma_y) <= 0:
            raise ValueError(f"standard deviations must be positive, got {sigma_u}, {sigma_v}, {sigma_y}")
        self.theta, self.x = theta, x
        self.var_u, self.var_v, self.var_y = sigma_u**2, sigma_v**2, sigma_y**2

    def score(self, z: Tensor, y: Tensor, alpha: float, beta: float) -> Tensor:
        """Return the score of Z given y ``(1 or N, dim_x)`` at z, both ``(N, dim_theta + dim_x)``."""
        return (alpha * self.denoiser(y)(z, alpha, beta) - z) / beta**2

    def denoiser(self, y: Tensor) -> Denoiser:
        """Return the function E[X | z, y] of z ``(N, dim_theta + dim_x)``, for y ``(1 or N, dim_x)``.

        Its values have the shape of z. They equal (beta² score + z) / alpha, but are computed in a form
        without cancellation at small alpha.
        """
        split = [self.theta.shape[1], self.x.shape[1]]

        def denoise(z: Tensor, alpha: float, beta: float) -> Tensor:
            z_theta, z_x = z.split(split, dim=1)
            a = alpha**2 * self.var_u + beta**2
            d = alpha**2 * self.var_v + beta**2
            s = beta**2 * self.var_v / d
            # m_k = shrink x_k + moved, so |m_k - y| = |shrink x_k - (y - moved)|.
            shrink, moved = beta**2 / d, (alpha * self.var_v / d) * z_x
            logits = torch.cdist(z_theta, alpha * self.theta).square_().mul_(-0.5 / a)
            logits.add_(torch.cdist(z_x, alpha * self.x).square_(), alpha=-0.5 / d)
            apart = torch.cdist((y - moved).expand(len(z), -1), shrink * self.x).square_()
            weights = logits.add_(apart, alpha=-0.5 / (s + self.var_y)).softmax(dim=1)
            theta, x = weights @ self.theta, weights @ self.x
            clean_theta = theta + (alpha * self.var_u / a) * (z_theta - alpha * theta)
            m = shrink * x + moved
            return torch.cat([clean_theta, m + (s / (s + self.var_y)) * (y - m)], dim=1)

        return denoise
