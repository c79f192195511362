"""Training of the generators and the classifier: ``python -m tasks.digits.train [NAME …]``.

It takes a minute or two. Another processor or version of torch may round differently, so the result may
differ from the stored weights, which are identified by SHA-256 and alone define the tasks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from torch import Tensor

from tasks.digits.perceptron import perceptron
from tasks.digits.train_classifier import train_classifier
from tasks.digits.train_flow import train_flow
from tasks.digits.train_vae import train_vae
from tasks.digits.weights import SHA256, write_weights

__all__ = ["digits", "main", "split"]

SEED = 2502_06999
TESTED = 360  # images that are held out from the classifier's training


def digits() -> tuple[Tensor, Tensor]:
    """The 1797 digits of scikit-learn: images ``(1797, 64)``, pixels in [0, 1], and classes ``(1797,)``."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return torch.from_numpy(images).float() / 16.0, torch.from_numpy(labels).long()


def split() -> tuple[Tensor, Tensor]:
    """Indices of the images that train the classifier and of those that test it."""
    order = torch.randperm(len(digits()[0]), generator=torch.Generator().manual_seed(SEED))
    return order[TESTED:], order[:TESTED]


def _classifier() -> dict[str, Tensor]:
    images, labels = digits()
    trained, tested = split()
    layers = train_classifier(images[trained], labels[trained], SEED)
    right = perceptron(layers, images[tested]).argmax(1) == labels[tested]
    print(f"classifier: accuracy {right.float().mean():.4f} on {TESTED} test images")
    return layers


TRAINED: dict[str, Callable[[], dict[str, Tensor]]] = {
    "classifier": _classifier,
    "flow_8": lambda: train_flow(digits()[0], 8, SEED),
    "vae_2": lambda: train_vae(digits()[0], 2, SEED),
    "vae_8": lambda: train_vae(digits()[0], 8, SEED),
}


def main(names: list[str]) -> int:
    """Train and store networks.

    Arguments:
        names: Names of the networks; an empty list means all.

    Returns:
        Exit status: 0, or 2 if a name is unknown.
    """
    unknown = set(names) - set(TRAINED)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(TRAINED)}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)  # rounding depends on the number of threads
    for name in names or TRAINED:
        found = write_weights(name, TRAINED[name]())
        note = "unchanged" if found == SHA256[name] else "changed: update SHA256 in tasks/digits/weights.py"
        print(f"{name}: SHA-256 {found}, {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
