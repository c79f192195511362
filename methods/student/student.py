"""The one-pass student: a plain network fitted to the teacher's theta for (z, x) by mean squared error."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from methods.base import Posterior
from methods.scaling import Standardizer
from methods.student.labels import Labels
from methods.training import train

__all__ = ["OnePassPosterior", "Student", "fit_student", "mlp"]


def mlp(dim_in: int, dim_out: int, width: int, depth: int) -> nn.Sequential:
    """``depth`` hidden ReLU layers of ``width`` units and a linear output."""
    widths = [dim_in] + [width] * depth
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, dim_out))


class Student(nn.Module):
    """A network between the labels' units: x is standardised on the way in, theta scaled back on the way out.

    Labels may come in any units: in physical ones, an x that hardly varies would say nothing to the network.
    """

    def __init__(self, network: nn.Module, scale_x: Standardizer, scale_theta: Standardizer) -> None:
        super().__init__()
        self.network, self._scale_x, self._scale_theta = network, scale_x, scale_theta

    def forward(self, z: Tensor, x: Tensor) -> Tensor:
        """Theta ``(..., dim_theta)`` for noise z ``(..., dim_theta)`` and conditions x ``(..., dim_x)``."""
        return self._scale_theta.inverse(self.network(torch.cat([z, self._scale_x(x)], dim=-1)))


class OnePassPosterior(Posterior):
    """Sampling is one forward pass of the network on [z, x], z ~ N(0, I)."""

    nfe = 1.0

    def __init__(
        self, network: Student, scale_theta: Standardizer, encode_x: Callable[[Tensor], Tensor]
    ) -> None:
        self.network = network
        self._scale_theta, self._encode_x = scale_theta, encode_x
        self.num_parameters = sum(p.numel() for p in network.parameters())

    def sample(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """One pass for one observation, ``(n, dim_theta)``."""
        (n,) = sample_shape
        return self.sample_batched((n,), x)[:, 0]

    @torch.no_grad()
    def sample_batched(self, sample_shape: tuple[int, ...], x: Tensor) -> Tensor:
        """One pass for all observations x ``(B, dim_x)`` at once, ``(n, B, dim_theta)``."""
        (n,) = sample_shape
        mean = self._scale_theta.mean
        z = torch.randn(n, len(x), len(mean), device=mean.device, dtype=mean.dtype)
        encoded = self._encode_x(x.to(mean)).expand(n, -1, -1)
        return self._scale_theta.inverse(self.network(z, encoded))


def fit_student(
    labels: Labels, *, width: int, depth: int, steps: int, batch_size: int, learning_rate: float, seed: int
) -> Student:
    """Train a fresh network on labels and return it with their scales, on the labels' device."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = mlp(labels.z.shape[1] + labels.x.shape[1], labels.theta.shape[1], width, depth)
    network.to(labels.z)
    scale_x, scale_theta = Standardizer.fit(labels.x), Standardizer.fit(labels.theta)
    inputs = torch.cat([labels.z, scale_x(labels.x)], dim=1)

    def loss(batch: Tensor, target: Tensor) -> Tensor:
        return (network(batch) - target).square().mean()

    train(
        network,
        loss,
        (inputs, scale_theta(labels.theta)),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    return Student(network, scale_x, scale_theta)
