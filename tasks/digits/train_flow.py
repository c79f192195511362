"""Training of a normalising flow of an image's leading principal components, by maximum likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.digits.coupling_flow import flow_log_prob, new_flow
from tasks.digits.training import minimise

__all__ = ["train_flow"]

STEPS = 6000
JITTER = 0.15  # standard deviation of noise on each whitened component, which prevents overfitting


def train_flow(images: Tensor, dim: int, seed: int, steps: int = STEPS) -> dict[str, Tensor]:
    """Train a flow and return its weights.

    Arguments:
        images: Images, ``(N, 64)``, with pixels in [0, 1].
        dim: Number of principal components; it must be even.
        seed: Seed for all randomness.
        steps: Number of batches.

    Returns:
        Weights of the couplings, and ``mean`` ``(64,)`` and ``components`` ``(dim, 64)``, which turn the
        flow's output into images.
    """
    generator = torch.Generator().manual_seed(seed)
    mean = images.mean(0)
    _, sizes, directions = torch.linalg.svd((images - mean).double(), full_matrices=False)
    # With this scale, the images' coordinates y have unit variance.
    components = directions[:dim] * sizes[:dim, None] / len(images) ** 0.5
    y = ((images - mean).double() @ torch.linalg.pinv(components)).float()
    flow = new_flow(dim, generator)

    def loss(rows: Tensor) -> Tensor:
        jitter = JITTER * torch.randn(len(rows), dim, generator=generator)
        return -flow_log_prob(flow, y[rows] + jitter).mean()

    minimise(loss, flow, len(images), steps=steps, generator=generator, weight_decay=0.01)
    return {"mean": mean, "components": components.float(), **flow}
