"""The kernel posterior of a set of simulations, and its exact denoiser as one softmax attention.

With Gaussian kernels of standard deviations h_theta and h_x on the samples (theta_k, x_k),

    p(theta | x) = sum_k w_k(x) N(theta; theta_k, h_theta² I),    w_k(x) ∝ N(x; x_k, h_x² I).

Diffused to Z = alpha theta + beta noise, v = alpha² h_theta² + beta², the expected centre is

    E[theta_k | z, x] = softmax_k( alpha z·theta_k / v + x·x_k / h_x² + c_k ) theta_k,
    c_k = -alpha² |theta_k|² / (2 v) - |x_k|² / (2 h_x²),

an attention with queries [alpha z / v, x / h_x², 1], keys [theta_k, x_k, c_k] and values theta_k: all
samples take part and no N x K matrix is stored. The score of Z is (alpha E - z) / v.
This is the theta-marginal of the joint mixture of arXiv 2506.18227, whose h_x² is sigma_V² + sigma_Y².
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.diffusion.solvers import Denoiser
from methods.exact_score.schedule import Schedule

__all__ = ["KernelPosterior"]

PAD = 8  # fused kernels want equal widths of keys and values, and like multiples of eight


class KernelPosterior:
    """Kernel estimate of p(theta | x) from samples, in whatever units these come in.

    Arguments:
        theta: Centres, ``(K, dim_theta)``.
        x: Their data, ``(K, dim_x)``.
        h_theta: Kernel standard deviation in theta, > 0.
        h_x: Kernel standard deviation in x, > 0.
    """

    def __init__(self, theta: Tensor, x: Tensor, h_theta: float, h_x: float) -> None:
        if h_theta <= 0 or h_x <= 0:
            raise ValueError(f"bandwidths must be positive, got h_theta={h_theta}, h_x={h_x}")
        self.theta, self.x, self.h_theta, self.h_x = theta, x, h_theta, h_x

    def log_weights(self, x: Tensor) -> Tensor:
        """Normalised log w_k for one x ``(1, dim_x)``, ``(K,)``, computed in float64."""
        distance = (self.x.double() - x.double()).square().sum(1)
        return torch.log_softmax(-distance / (2 * self.h_x**2), dim=0).to(self.theta.dtype)

    def sample(self, n: int, x: Tensor) -> Tensor:
        """Draw ``(n, dim_theta)`` directly: a centre by its weight, then from that kernel."""
        k = torch.multinomial(self.log_weights(x).double().exp(), n, replacement=True)
        centres = self.theta[k]
        return centres + self.h_theta * torch.randn_like(centres)

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Log density of theta ``(N, dim_theta)`` at one x ``(1, dim_x)``, ``(N,)``."""
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
        """The diffusion as seen from the centres, which :meth:`denoiser` denoises."""
        return Schedule(kernel=self.h_theta)

    def denoiser(self, x: Tensor) -> Denoiser:
        """The exact ``denoise(z, alpha, beta)``: the expected centre given z ``(N, dim_theta)`` and x.

        Z is alpha times a centre plus noise of standard deviation ``beta``, the kernel's share included.
        One x ``(1, dim_x)`` for all z is folded into the key bias; of x ``(N, dim_x)``, row i goes with row i
        of z.
        """
        if len(x) == 1:
            log_w = self.log_weights(x)
            return self._denoiser(log_w - log_w.max())
        bias = -self.x.square().sum(1) / (2 * self.h_x**2)
        return self._denoiser(bias, key_x=[self.x], query_x=[x / self.h_x**2])

    def denoiser_for_each(self, x: Tensor) -> Denoiser:
        """The same for z ``(B, n, dim_theta)``: the n draws in row i go with row i of x ``(B, dim_x)``.

        Each x has key biases of its own, which are as exact as those of a single x; they make B times K keys.
        """
        log_w = torch.stack([self.log_weights(row[None]) for row in x])
        return self._denoiser(log_w - log_w.max(dim=1, keepdim=True).values)

    def _denoiser(
        self, bias: Tensor, key_x: Sequence[Tensor] = (), query_x: Sequence[Tensor] = ()
    ) -> Denoiser:
        """The attention, with what its exponents have of x.

        Arguments:
            bias: Key biases, ``(K,)`` for z ``(N, dim_theta)`` or ``(B, K)`` for z ``(B, n, dim_theta)``.
            key_x: Further columns of the keys, ``(K, any)``.
            query_x: Those of the queries, ``(N, any)``.
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
            # Four dimensions, for the fused kernel is only taken with them.
            q, k, val = (block.reshape(-1, 1, *block.shape[-2:]) for block in (*padded, values))
            clean = F.scaled_dot_product_attention(q, k, val, scale=1.0)[..., : z.shape[-1]]
            return clean.reshape(z.shape)

        return denoise
