"""Does a method keep the contract? ``scorebench check method NAME``."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from scipy.special import kolmogorov
from scipy.stats import ks_2samp
from torch import Tensor

import methods
from bench.checks.example import Example, isolated, malformed
from bench.checks.finding import Check, NotApplicableError
from bench.checks.problem import DIM_THETA, simulations
from methods import Method, SpecError
from methods.sbi.sbi_training import SbiTraining

__all__ = ["CHECKS", "method_checks"]

SIGNIFICANCE = 1e-4  # of all comparisons of a check together
# The density is summed over a square grid that holds all but 1e-6 of the standard normal prior.
HALF_WIDTH, POINTS = 5.0, 41
INTEGRAL_SLACK = 0.05
LEAKS = 0.05  # share of samples outside the prior


def method_checks(method: str | Method | Example) -> list[Check]:
    """All checks of a method, on one small problem that the method is fitted to once for all of them.

    Nothing is fitted before the first check runs. How long it takes is up to the method's parameters: a
    specification with fewer epochs or steps makes it quick.

    Arguments:
        method: Specification, ``name[param=value,…]``; or the method itself; or an example of it.

    Returns:
        The checks, in the order in which they should run.

    Raises:
        UnknownMethodError: naming the nearest known method.
        SpecError: for a malformed specification, an unknown parameter or a bad value.

    Example:
        >>> first, *others = method_checks("prior")
        >>> print(first.find())
        class: ok
    """
    chosen = methods.get(method) if isinstance(method, str) else method
    example = chosen if isinstance(chosen, Example) else Example(chosen)
    return [Check(name, partial(function, example)) for name, function in CHECKS.items()]


def _class(example: Example) -> str:
    """A registered name, a version, a text, and whether it is amortized."""
    method = example.method
    if method.name not in methods.names():
        return f"no method is registered under the name {method.name!r}"
    if not method.version:
        return "version is empty"
    if not (type(method).__doc__ or "").strip():
        return f"class {type(method).__qualname__} has no docstring"
    return "" if isinstance(method.amortized, bool) else f"amortized is {method.amortized!r}, not a bool"


def _specification(example: Example) -> str:
    method = example.method
    if methods.get(method.spec) != method:
        return f"{method.spec} names another method, {methods.get(method.spec)!r}"
    try:
        methods.get(f"{method.name}[nonsense=1]")
    except SpecError as error:
        refused = "unknown parameter 'nonsense'" in str(error)
        return "" if refused else f"an unknown parameter is refused with other words: {error}"
    return "an unknown parameter is not refused"


def _fit(example: Example) -> str:
    for prior, fitted in (("uniform", example.fitted), ("normal", example.fitted_normal)):
        if fitted.error is not None:
            return f"with a {prior} prior: {type(fitted.error).__name__}: {fitted.error}"
    return ""


def _random_state(example: Example) -> str:
    _well_formed(example)
    if example.fitted.touched:
        return f"fit changes the global random state of {' and '.join(example.fitted.touched)}"
    if example.single.touched or example.batched.touched:
        return "sampling changes the global random state of numpy: torch's is the one to draw from"
    return ""


def _samples(example: Example) -> str:
    """Shapes and types, with either prior, for one observation and for several."""
    problem, error = example.sampling
    if error is not None:
        raise error
    return problem


def _well_formed(example: Example) -> None:
    """Raise if samples are malformed, so that one fault is one finding."""
    if example.sampling[0]:
        raise NotApplicableError("the samples are not in order")


def _seeds(example: Example) -> str:
    _well_formed(example)
    theta, x = example.single.theta, example.x_o[1:]
    again = example.fit("uniform", global_seed=2).posterior
    if again is None:
        return "the second of two equal fits failed"
    if torch.equal(theta, example.draw(again, x).theta):
        return ""
    if torch.equal(theta, example.draw(example.posterior, x).theta):
        return "two fits with the same seed give different samples"
    return "sampling twice under the same seed of torch gives different samples"


def _batched(example: Example) -> str:
    """The second observation has the same distribution of samples together with another and alone.

    Two-sample tests of Kolmogorov and Smirnov of both parameters, of their sum and of their difference.
    """
    if not example.method.amortized:
        raise NotApplicableError("the method is not amortized")
    _well_formed(example)
    pairs = zip(_directions(example.single.theta), _directions(example.batched.theta[:, 1]), strict=True)
    p_values = [_p_value(one, other) for one, other in pairs]
    lowest = min(p_values)
    if lowest * len(p_values) >= SIGNIFICANCE:
        return ""
    return f"sample_batched and sample differ in {DIRECTIONS[p_values.index(lowest)]} (p = {lowest:.1e})"


def _p_value(one: Tensor, other: Tensor) -> float:
    """Asymptotic p-value of the Kolmogorov-Smirnov test of two samples ``(n,)``.

    Samples that were resampled from weighted candidates repeat each other. With multiplicities m of the
    values they are worth n² / sum m² independent ones. Other dependence, as in a Markov chain, is neglected.
    """
    sizes = [
        len(values) ** 2 / int(values.unique(return_counts=True)[1].square().sum()) for values in (one, other)
    ]
    size = sizes[0] * sizes[1] / sum(sizes)
    return float(kolmogorov(math.sqrt(size) * ks_2samp(one, other).statistic))


DIRECTIONS = ("theta_1", "theta_2", "theta_1 + theta_2", "theta_1 - theta_2")


def _directions(theta: Tensor) -> list[Tensor]:
    first, second = theta.double().unbind(dim=1)
    return [first, second, first + second, first - second]


def _nfe(example: Example) -> str:
    _well_formed(example)
    for name, drawn in (("sample", example.single), ("sample_batched", example.batched)):
        if drawn.rows is None:
            raise NotApplicableError("it is not known how many networks a pass of the flow runs")
        counted = float(drawn.rows) / drawn.theta[..., 0].numel()
        if counted == 0 and drawn.nfe > 0:
            raise NotApplicableError("what is evaluated is neither a module of torch nor the likelihood")
        if not math.isclose(drawn.nfe, counted, rel_tol=1e-6):
            return f"nfe is {drawn.nfe:.6g} after {name}, which evaluated {counted:.6g} rows per sample"
    return ""


def _parameters(example: Example) -> str:
    _well_formed(example)
    said, ran = example.posterior.num_parameters, sum(example.single.seen.parameters.values())
    if ran == 0 and said > 0:
        raise NotApplicableError("no module of torch with parameters runs")
    # Flows have parameters that no module's call shows.
    fits = (
        said >= ran if example.single.seen.flows or isinstance(example.method, SbiTraining) else said == ran
    )
    return "" if fits else f"num_parameters is {said}, networks with {ran} parameters ran"


def _density(example: Example) -> str:
    """``log_prob`` has the right shape, and with a normal prior the density integrates to one.

    A method whose density is that of an ODE needs enough steps for it.
    """
    posterior, x = example.posterior, example.x_o[:1]
    theta = simulations("uniform")[0][:5]
    with isolated("log_prob"):
        try:
            log_p = posterior.log_prob(theta, x=x)
        except NotImplementedError:
            raise NotApplicableError("the method has no density") from None
        if log_p.shape != (len(theta),):
            return f"log_prob of {len(theta)} draws of the prior has shape {tuple(log_p.shape)}"
        if not log_p.isfinite().all():
            return f"log_prob of {len(theta)} draws of the prior is {log_p.tolist()}"
        axis = torch.linspace(-HALF_WIDTH, HALF_WIDTH, POINTS)
        grid = torch.cartesian_prod(axis, axis)
        log_p = example.posterior_normal.log_prob(grid, x=x).double()
    integral = float(log_p.exp().sum()) * float(axis[1] - axis[0]) ** 2
    return "" if abs(integral - 1) < INTEGRAL_SLACK else f"the density integrates to {integral:.4g}, not to 1"


def _bounds(example: Example) -> str:
    """Next to no sample is outside the prior where the posterior is far from the prior's edges.

    Not every method knows the edges: a kernel or a plain network leaks a little. How much it leaks on a task
    is the metric ``outside_prior``.
    """
    _well_formed(example)
    outside, total = example.outside
    return f"{outside} of {total} samples are outside the prior" if outside > LEAKS * total else ""


def _cuda(example: Example) -> str:
    if not torch.cuda.is_available():
        raise NotApplicableError("this machine has no CUDA device that torch can use")
    _ = example.posterior
    fitted = example.fit("uniform", device="cuda")
    if fitted.posterior is None:
        return f"fit: {type(fitted.error).__name__}: {fitted.error}"
    theta = example.draw(fitted.posterior, example.x_o[:1]).theta
    return malformed("sample", theta.cpu(), (example.num_samples, DIM_THETA))


# Each takes the example and returns the problem, or an empty text.
CHECKS: dict[str, Callable[[Example], str]] = {
    "class": _class,
    "specification": _specification,
    "fit": _fit,
    "random state": _random_state,
    "samples": _samples,
    "seeds": _seeds,
    "batched": _batched,
    "nfe": _nfe,
    "parameters": _parameters,
    "density": _density,
    "bounds": _bounds,
    "cuda": _cuda,
}
