"""The networks of an sbi estimator whose runs are counted as evaluations."""

from __future__ import annotations

from torch import nn

__all__ = ["run_by_one_evaluation"]

# Names in nflows and sbi of the network that predicts the parameters of a transform or a mixture.
CONDITIONERS = ("autoregressive_net", "transform_net", "_made", "_hidden_net")


def run_by_one_evaluation(estimator: nn.Module) -> list[nn.Module]:
    """Return the modules that each run once in a pass through sbi's estimator, with outputs ``(..., width)``.

    For a vector field or a ratio this is its network. A flow is a chain of transforms, and a pass runs the
    conditioner of each transform. Hooks on these modules show how many passes an inverse makes. A mixture
    density network runs once for each x, for any number of samples.
    """
    network = estimator.get_submodule("net")
    named = network.named_modules()
    conditioners = [module for name, module in named if name.rpartition(".")[2] in CONDITIONERS]
    # Some conditioners are not called as modules, so their hooks would not run. Their first layers are.
    return [_first_layer(module) for module in conditioners] or [network]


def _first_layer(network: nn.Module) -> nn.Module:
    return next(module for module in network.modules() if isinstance(module, nn.Linear))
