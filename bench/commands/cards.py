"""Cards: what a reader needs to know about a task, method, metric or figure before using it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal

import methods
import tasks
from bench.bibliography import bibtex
from bench.errors import UsageError
from bench.metrics import metrics
from bench.results.figures import figures
from methods import Method, SpecError
from registries import nearest
from tasks import Task

__all__ = ["PartCard", "cards"]

SHOWN = 6  # numbers of a vector
PACKAGES = {"sklearn": "scikit-learn"}  # packages whose name is not that of their module


@dataclass(frozen=True)
class PartCard:
    """The card of one part of the suite or of a plug-in.

    Attributes:
        title: Kind, name and version.
        summary: What it is, in a sentence or a paragraph.
        lines: Pairs of a label and a text.
        name: Name of the part.
        citation: Publications and packages that it comes from; empty if there are none.
    """

    title: str
    summary: str
    lines: list[tuple[str, str]]
    name: str
    citation: str = ""

    def bibtex(self) -> list[str]:
        """Return BibTeX entries for what the part cites."""
        return bibtex(self.citation, self.name)


def cards(part: str) -> list[PartCard]:
    """Return the cards of everything with a name; usually one.

    Arguments:
        part: Name of a task, metric or figure, or a method, ``name[param=value,...]``.

    Raises:
        UsageError: if nothing has the name, or the parameters of a method are not allowed.
    """
    known: dict[str, Callable[[str], PartCard]] = dict.fromkeys(figures(), _figure)
    found = []
    name = part.partition("[")[0].strip()
    if part in tasks.names():
        found.append(_task(tasks.get(part)))
    if name in methods.names():
        try:
            found.append(_method(methods.get(part)))
        except SpecError as error:
            raise UsageError(str(error)) from None
    if part in metrics():
        found.append(_metric(part))
    if part in known:
        found.append(_figure(part))
    if not found:
        names = {*tasks.names(), *methods.names(), *metrics(), *known}
        hint = nearest(part, names)
        hint = hint if "did you mean" in hint else "`scorebench list` prints all names"
        raise UsageError(f"unknown name {part!r}; {hint}")
    return found


def _task(task: Task) -> PartCard:
    card = task.card
    lines = [
        ("dimensions", f"theta {task.dim_theta}, x {task.dim_x}"),
        ("prior", _attempt(lambda: _prior(task.prior()))),
        ("noise", card.noise),
        ("observations", f"{task.num_observations}; x of the first: {_attempt(lambda: _first(task))}"),
        ("reference", _attempt(lambda: _reference(task))),
        ("certificate", card.certificate),
        ("speed", card.speed),
        ("citation", card.citation),
        ("source", _source(type(task))),
    ]
    lines = [(label, text) for label, text in lines if text]
    return PartCard(
        f"task {task.name}, version {task.version}", card.summary, lines, task.name, card.citation
    )


def _prior(prior: Distribution) -> str:
    while isinstance(prior, Independent):
        prior = prior.base_dist
    if isinstance(prior, MultivariateNormal):
        values = {"mean": prior.mean, "standard deviations": prior.stddev}
    else:
        names = prior.arg_constraints if isinstance(prior.arg_constraints, dict) else {}
        values = {name: getattr(prior, name) for name in names}
    if not values:
        return f"{type(prior).__name__}: {_summary(type(prior))}".rstrip(": ")
    return (
        f"{type(prior).__name__}, {', '.join(f'{name} {_numbers(value)}' for name, value in values.items())}"
    )


def _first(task: Task) -> str:
    return _numbers(task.observation(1)[0])


def _reference(task: Task) -> str:
    draws = task.reference_samples(1)
    if draws is None:
        return "none"
    return f"{len(draws)} draws for each observation; {task.card.reference}"


def _numbers(values: Tensor) -> str:
    """Return numbers as text: one number if all are equal, and the first ones of many."""
    flat = values.flatten().tolist()
    if len(set(flat)) == 1:
        return f"{flat[0]:g}"
    more = f", … {len(flat)} in all" if len(flat) > SHOWN else ""
    return f"({', '.join(f'{value:.4g}' for value in flat[:SHOWN])}{more})"


def _method(method: Method) -> PartCard:
    cls = type(method)
    meanings = _meanings(cls)
    lines = [(f"  {name}", _parameter(method, name, meanings.get(name, ""))) for name in cls.model_fields]
    heading = [("parameters", "" if lines else "none")]
    amortized = "one fit serves every observation" if cls.amortized else "one fit for each observation"
    more = [
        ("amortized", f"{'yes' if cls.amortized else 'no'}: {amortized}"),
        ("libraries", ", ".join(_libraries(cls))),
        ("citation", cls.citation or "none"),
        ("source", _source(cls)),
    ]
    title = f"method {method.spec}, version {method.version}"
    return PartCard(title, _opening(cls), [*heading, *lines, *more], method.name, cls.citation)


def _parameter(method: Method, name: str, meaning: str) -> str:
    default, value = (
        type(method).model_fields[name].get_default(call_default_factory=True),
        getattr(method, name),
    )
    shown = f"{value} (default {default})" if value != default else f"{default}"
    return f"{shown}. {meaning}" if meaning else shown


def _meanings(cls: type) -> dict[str, str]:
    """Return the meaning of each parameter, from the section ``Arguments`` of the class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = re.search(r"^Arguments:\n((?: +.*\n?|\n)*)", text, flags=re.MULTILINE)
        for name, meaning in re.findall(
            r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section[1] if section else "", flags=re.MULTILINE
        ):
            found[name] = " ".join(meaning.replace("``", "").split())
    return found


def _libraries(cls: type[Method]) -> list[str]:
    names = {library.partition(".")[0] for library in cls.libraries} | {"torch"}
    if any(base.__module__.startswith("methods.sbi.") for base in cls.__mro__):  # imported where it is used
        names.add("sbi")
    return [_installed(PACKAGES.get(name, name)) for name in sorted(names)]


def _installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} (not installed)"


def _metric(name: str) -> PartCard:
    cls = metrics()[name]
    lines = [
        ("better", cls.better),
        ("needs", ", ".join(cls.needs) or "samples only"),
        ("columns", ", ".join(cls.columns())),
        ("citation", cls.source or "none"),
        ("source", _source(cls)),
    ]
    return PartCard(f"metric {name}", _opening(cls), lines, name, cls.source)


def _figure(name: str) -> PartCard:
    cls = figures()[name]
    lines = [("needs", ", ".join(cls.needs)), ("source", _source(cls))]
    return PartCard(f"figure {name}", _opening(cls), lines, name)


def _opening(cls: type) -> str:
    """Return the first paragraph of a class's docstring in one line."""
    return " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].replace("``", "").split())


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _source(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _attempt(read: Callable[[], str]) -> str:
    """Return a text, or the reason why code of a plug-in does not give it."""
    try:
        return read()
    except Exception as error:
        return f"not available ({type(error).__name__}: {error})"
