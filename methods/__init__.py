"""Inference methods: all obey one contract, and each has its own folder.

>>> import methods
>>> methods.get("npe[density_estimator=maf]").density_estimator
'maf'
"""

from methods.contract.base import LogLikelihood, Method, Posterior
from methods.contract.registry import UnknownMethodError, expand, get, names, register_method
from methods.contract.spec import SpecError, explain

# Importing a package registers the methods in it.
from methods import (  # isort: skip
    baselines,  # noqa: F401
    denoiser,  # noqa: F401
    exact_score,  # noqa: F401
    exact_score_net,  # noqa: F401
    inflationary,  # noqa: F401
    learned_likelihood,  # noqa: F401
    one_pass,  # noqa: F401
    outsourced,  # noqa: F401
    rejection_abc,  # noqa: F401
    sbi,  # noqa: F401
)

__all__ = [
    "LogLikelihood",
    "Method",
    "Posterior",
    "SpecError",
    "UnknownMethodError",
    "expand",
    "explain",
    "get",
    "names",
    "register_method",
]
