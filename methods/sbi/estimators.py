"""Which networks of an sbi estimator run in one evaluation, to count them."""

from __future__ import annotations

from torch import nn

__all__ = ["run_by_one_evaluation"]

# What nflows and sbi call the network that gives a transform, or a mixture, its parameters.
CONDITIONERS = ("autoregressive_net", "transform_net", "_made", "_hidden_net")


def run_by_one_evaluation(estimator: nn.Module) -> list[nn.Module]:
    """Modules that each run once in a pass through sbi's estimator, with outputs ``(..., width)``.

    For a vector field or a ratio that is its network. A flow is a chain of transforms, and a pass runs the
    conditioner of each of them; how many passes an inverse makes, hooks on these modules show. A mixture
    density network runs once for each x, whatever the number of samples.
    """
    network = estimator.get_submodule("net")
    named = network.named_modules()
    conditioners = [module for name, module in named if name.rpartition(".")[2] in CONDITIONERS]
    # Not all of them are called as modules, so hooks of theirs might not run; their first layers are.
    return [_first_layer(module) for module in conditioners] or [network]


def _first_layer(network: nn.Module) -> nn.Module:
    return next(module for module in network.modules() if isinstance(module, nn.Linear))
