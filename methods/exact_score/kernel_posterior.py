"""The kernel posterior of a set of simulations, and its exact denoiser as one softmax attention.

With Gaussian kernels of standard deviations h_theta and h_x on the samples (theta_k, x_k),

    p(theta | x) = sum_k w_k(x) N(theta; theta_k, h_theta² I),    w_k(x) ∝ N(x; x_k, h_x² I).

Diffuse theta to Z = alpha theta + beta noise and set v = alpha² h_theta² + beta². The expected centre is

    E[theta_k | z, x] = softmax_k( alpha z·theta_k / v + x·x_k / h_x² + c_k ) theta_k,
    c_k = -alpha² |theta_k|² / (2 v) - |x_k|² / (2 h_x²),

which is an attention with queries [alpha z / v, x / h_x², 1], keys [theta_k, x_k, c_k] and values theta_k. It
uses all samples but stores no N x K matrix. The score of Z is (alpha E - z) / v.

Reference: Zhang, Tatsuoka, Xiu, Zhang, arXiv 2506.18227. The kernel posterior is the theta-marginal of their
joint mixture, with h_theta = sigma_U and h_x² = sigma_V² + sigma_Y².
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.diffusion.solvers import Denoiser
from methods.exact_score.schedule import Schedule

__all__ = ["KernelPosterior"]

PAD = 8  # Fused kernels need keys and values of equal width and are fastest at multiples of eight.


class KernelPosterior:
    """A kernel estimate of p(theta | x) from simulations, in the units of the simulations.

    Arguments:
        theta: Centres, the parameters of the simulations, ``(K, dim_theta)``.
        x: Data of the simulations, ``(K, dim_x)``.
        h_theta: Standard deviation of the kernel in theta, > 0.
        h_x: Standard deviation of the kernel in x, > 0.

    Raises:
        ValueError: If a bandwidth is not positive.
    """

    def __init__(self, theta: Tensor, x: Tensor, h_theta: float, h_x: float) -> None:
        if h_theta <= 0 or h_x <= 0:
            raise ValueError(f"bandwidths must be positive, got h_theta={h_theta}, h_x={h_x}")
        self.theta, self.x, self.h_theta, self.h_x = theta, x, h_theta, h_x

    def log_weights(self, x: Tensor) -> Tensor:
        """Return the normalised log weights log w_k ``(K,)`` for one x ``(1, dim_x)``.

        They are computed in float64.
        """
        distance = (self.x.double() - x.double()).square().sum(1)
        return torch.log_softmax(-distance / (2 * self.h_x**2), dim=0).to(self.theta.dtype)

    def sample(self, n: int, x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` samples directly: first a centre by its weight, then from its kernel."""
        k = torch.multinomial(self.log_weights(x).double().exp(), n, replacement=True)
        centres = self.theta[k]
        return centres + self.h_theta * torch.randn_like(centres)

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return log densities ``(N,)``, in nats, of theta ``(N, dim_theta)`` given one x ``(1, dim_x)``."""
        log_w = self.log_weights(x)
        dim = theta.shape[1]
        log_norm = 0.5 * dim * torch.log(torch.tensor(2 * torch.pi * self.h_theta**2, dtype=theta.dtype))
        rows = [
            torch.logsumexp(log_w - torch.cdist(part, self.theta).square() / (2 * self.h_theta**2), dim=1)
            for part in theta.split(1024)
        ]
        return torch.cat(rows) - log_norm.to(theta)

    @property
    def schedule(self) -> Schedule:
        """The schedule of the diffusion seen from the centres, for which :meth:`denoiser` is exact."""
        return Schedule(kernel=self.h_theta)

    def denoiser(self, x: Tensor) -> Denoiser:
        """Return the exact ``denoise(z, alpha, beta)``, the expected centre given z ``(N, dim_theta)`` and x.

        Here z is alpha times a centre plus noise of standard deviation ``beta``, which includes the kernel's
        own noise.

        Arguments:
            x: One observation for all z, ``(1, dim_x)``, which is folded into the key bias; or one for each
                row of z, ``(N, dim_x)``.
        """
        if len(x) == 1:
            log_w = self.log_weights(x)
            return self._denoiser(log_w - log_w.max())
        bias = -self.x.square().sum(1) / (2 * self.h_x**2)
        return self._denoiser(bias, key_x=[self.x], query_x=[x / self.h_x**2])

    def denoiser_for_each(self, x: Tensor) -> Denoiser:
        """Return a denoiser of z ``(B, n, dim_theta)``, whose n draws in row i are given row i of x.

        Each row of x ``(B, dim_x)`` has its own key biases. They are as exact as those of a single x, but
        there are B times K keys.
        """
        log_w = torch.stack([self.log_weights(row[None]) for row in x])
        return self._denoiser(log_w - log_w.max(dim=1, keepdim=True).values)

    def _denoiser(
        self, bias: Tensor, key_x: Sequence[Tensor] = (), query_x: Sequence[Tensor] = ()
    ) -> Denoiser:
        """Return the attention. Its exponents depend on x by the biases and the extra columns.

        Arguments:
            bias: Key biases, ``(K,)`` for z ``(N, dim_theta)`` or ``(B, K)`` for z ``(B, n, dim_theta)``.
            key_x: Extra columns of the keys, ``(K, any)``.
            query_x: Extra columns of the queries, ``(N, any)``.
        """
        theta = self.theta
        half_norm = 0.5 * theta.square().sum(1)
        width = theta.shape[1] + sum(block.shape[1] for block in key_x) + 1
        width += -width % PAD
        centres = theta.expand(*bias.shape[:-1], -1, -1)
        values = F.pad(centres, (0, width - theta.shape[1]))

        def denoise(z: Tensor, alpha: float, beta: float) -> Tensor:
            v = beta**2
            c = bias - (alpha**2 / v) * half_norm
            keys = torch.cat([centres, *key_x, c[..., None]], dim=-1)
            queries = torch.cat([z * (alpha / v), *query_x, torch.ones_like(z[..., :1])], dim=-1)
            padded = [F.pad(block, (0, width - block.shape[-1])) for block in (queries, keys)]
            # Torch uses its fused kernel only for tensors of four dimensions.
            q, k, val = (block.reshape(-1, 1, *block.shape[-2:]) for block in (*padded, values))
            clean = F.scaled_dot_product_attention(q, k, val, scale=1.0)[..., : z.shape[-1]]
            return clean.reshape(z.shape)

        return denoise
