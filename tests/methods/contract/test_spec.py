import math
import random
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import Field

import methods
from methods import Method, SpecError, UnknownMethodError, register_method
from methods.contract.registry import method_class
from methods.contract.spec import MOST, count, parse, written
from registries import RegistryError


def test_values_are_typed():
    name, [params] = parse("m[a=1, b=0.5, c=word, d=true, e='x y']")
    assert name == "m"
    assert params == {"a": 1, "b": 0.5, "c": "word", "d": True, "e": "x y"}


def test_lists_are_all_combinations():
    _, variants = parse("m[a=[1,2],b=[x,y]]")
    assert [(v["a"], v["b"]) for v in variants] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


@pytest.mark.parametrize(
    "spec", ["", "m[", "m[a]", "m[a=]", "m[a=[]]", "m[a=1]]", "m[a={]", "a b", "m[a=1]x"]
)
def test_malformed(spec):
    with pytest.raises(SpecError):
        parse(spec)


def test_nothing_is_executed():
    with pytest.raises(SpecError):
        methods.get("npe[density_estimator=!!python/object/apply:os.getcwd []]")


def test_exponents_are_numbers():
    assert methods.get("npe[learning_rate=1e-3]").learning_rate == 1e-3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("np", "unknown method 'np'; did you mean 'npe'"),
        ("exact-score", "unknown method 'exact-score'; did you mean 'exact_score'"),
        ("npe[density_estimater=maf]", "did you mean 'density_estimator'"),
        ("npe[density_estimator=flow]", "density_estimator = 'flow': input should be 'maf', 'nsf'"),
        ("exact_score[steps=0]", "steps = 0: input should be greater than or equal to 2"),
        ("exact_score[steps=many]", "steps = 'many'"),
        ("exact_score[bandwidth=manual]", "needs both theta_bandwidth and x_bandwidth"),
        ("exact_score[theta_bandwidth=0.1]", "need bandwidth=manual"),
        ("prior[x=1]", "there are none"),
        ("npe[yes=1]", "unknown parameter 'yes'"),
        ("npe[2026=1]", "unknown parameter '2026'"),
        ("npe[learning_rate=1,learning_rate=2]", "'learning_rate' is given twice"),
        ("npe[learning_rate=inf]", "learning_rate = 'inf': input should be a finite number"),
        ("npe[learning_rate=.nan]", "learning_rate = nan: input should be a finite number"),
        ("npe[learning_rate=1e400]", "learning_rate = '1e400': input should be a finite number"),
        ("npe[learning_rate=1.0e+400]", "beyond the largest number"),
        ("npe[learning_rate=yes]", "learning_rate = True: input should be a number"),
        ("exact_score[steps=true]", "steps = True: input should be a number"),
        ("exact_score[steps=010]", "010 is 8 in YAML"),
        ("exact_score[steps=10:00]", "base 60"),
        ("exact_score[steps=99999999999999999999]", "beyond 64 bits"),
        ("exact_score[steps='99999999999999999999']", "64 bits"),
        ("exact_score[steps=!!int 3]", "tag"),
        ("npe[density_estimator=" + "x" * 100_000 + "]", "longer than"),
        ("npe[density_estimator=" + "[" * 500 + "]" * 500 + "]", "nested more than"),
        ("npe[density_estimator=\x1b[1m]", "parameters must read"),
    ],
)
def test_errors_are_one_line_that_helps(spec, message):
    with pytest.raises((SpecError, UnknownMethodError)) as caught:
        methods.get(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_get_wants_one():
    with pytest.raises(SpecError, match="names 2 methods"):
        methods.get("npe[density_estimator=[maf,nsf]]")


def test_a_taken_name_is_refused():
    with pytest.raises(ValueError, match="taken"):

        @register_method("npe")
        class Other(Method):
            pass

    assert methods.get("npe").density_estimator == "nsf"


def test_a_name_must_be_plain():
    with pytest.raises(ValueError, match="lower-case"):
        register_method("../npe")


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        ("inflationary[keep=null]", [None]),
        ("inflationary[keep=~]", [None]),
        ("inflationary[keep=[null,1]]", [None, 1]),
    ],
)
def test_null_is_none_where_the_parameter_may_be(spec, values):
    assert [method.keep for method in methods.expand(spec)] == values


@pytest.mark.parametrize("spec", ["exact_score[steps=null]", "exact_score[steps=[10,null]]"])
def test_null_is_refused_elsewhere(spec):
    with pytest.raises(SpecError) as caught:
        methods.expand(spec)
    assert str(caught.value) == "method exact_score: steps = None: input should be a valid integer"


class Odd(Method):
    """A method with defaults that are not None, and words that YAML would read as another type."""

    name = "odd"
    limit: int | None = 3
    label: str = "plain"

    def fit(self, prior, theta, x, device="cpu", seed=0):
        raise NotImplementedError


@pytest.mark.parametrize("label", ["plain", "null", "true", "3", "", "a, b", "it's", "[x]", "two words", "é"])
@pytest.mark.parametrize("limit", [3, 4, None])
def test_a_specification_gives_the_method_back(limit, label):
    method = Odd(limit=limit, label=label)
    name, [params] = parse(method.spec)
    assert name == "odd"
    assert Odd(**params) == method


def parameters():
    for name in methods.names():
        for key, field in method_class(name).model_fields.items():
            optional = type(None) in get_args(field.annotation)
            yield from ((name, key, value) for value in {field.default, *([None] if optional else [])})


@pytest.mark.parametrize(("name", "key", "value"), parameters())
def test_every_default_and_every_none_can_be_written_and_read(name, key, value):
    assert getattr(methods.get(f"{name}[{key}={written(value)}]"), key) == value


class Free(Method):
    """A method that takes every value that can be written."""

    name = "free"
    on: Any = None
    number: float = Field(default=0.5, allow_inf_nan=True)
    text: str = "plain"
    either: float | str | None = 1.0
    widths: tuple[int, ...] = (1,)
    nested: list[list[int | str]] = Field(default=[])
    options: dict[str, Any] = Field(default={})
    path: Path = Path()
    flag: bool = False

    def fit(self, prior, theta, x, device="cpu", seed=0):
        raise NotImplementedError


PIECES = list("ab=,:;#'\"\\[]{}()&*!|>%@`?-~. \t\n\x00\x1b\u202e\xa0\ufeffé😀$_01e+<")
PIECES += [
    "null",
    "true",
    "no",
    ": ",
    " #",
    "=",
    "==",
    "a=",
    "1e3",
    "0x1",
    "010",
    "10:00",
    "2026-11-26",
    "<<",
    "- ",
]


def text(rng):
    return "".join(rng.choices(PIECES, k=rng.randrange(6)))


def number(rng):
    if rng.random() < 0.2:
        return rng.choice([0.0, -0.0, 1e-5, 1e22, 1e300, 5e-324, 0.1, math.inf, -math.inf, math.nan])
    return rng.choice([rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300), float(rng.randrange(10**6))])


def anything(rng, depth=0):
    kinds = [
        text,
        number,
        lambda rng: rng.randrange(-(2**63) + 1, 2**63),
        lambda rng: rng.choice([None, True, False]),
    ]
    if depth < 3:
        kinds += [
            lambda rng: [anything(rng, depth + 1) for _ in range(rng.randrange(3))],
            lambda rng: {text(rng): anything(rng, depth + 1) for _ in range(rng.randrange(3))},
        ]
    return rng.choice(kinds)(rng)


def free(rng):
    values = {
        "on": anything(rng),
        "number": number(rng),
        "text": text(rng),
        "either": rng.choice([rng.uniform(-9, 9), text(rng), None]),
        "widths": tuple(rng.randrange(100) for _ in range(rng.randrange(3))),
        "nested": [[rng.choice([rng.randrange(9), text(rng)])] for _ in range(rng.randrange(3))],
        "options": {text(rng): anything(rng, 2)},
        "flag": rng.choice([True, False]),
        "path": Path(text(rng).replace("\x00", "")),
    }
    return Free(**{name: values[name] for name in rng.sample(list(values), rng.randrange(4))})


def test_every_value_that_is_accepted_is_written_so_that_it_reads_the_same():
    rng = random.Random(0)  # noqa: S311
    for _ in range(1500):
        method = free(rng)
        assert method.spec.isprintable(), repr(method.spec)
        name, [params] = parse(method.spec)
        again = Free(**params)
        assert name == "free"
        # NaN differs from itself, but not its text.
        assert repr(again.model_dump()) == repr(method.model_dump()), method.spec
        assert again.spec == method.spec


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("m[x='a,b']", "a,b"),
        ("m[x='']", ""),
        ("m[x='1']", "1"),
        ("m[x='#x']", "#x"),
        ("m[x='a: b']", "a: b"),
        ("m[x='a=b']", "a=b"),
        ("m[x= 'q, y=b']", "q, y=b"),
        ('m[x="q, y=b"]', "q, y=b"),
        ("m[x=a=b]", "a=b"),
        ("m[x=it's]", "it's"),
        ("m[x=[[3,4]]]", [3, 4]),
        ("m[x=2026-11-26]", "2026-11-26"),
        ("m[ x = {y = 1} ]", {"y": 1}),
    ],
)
def test_what_is_written_is_what_is_read(spec, value):
    assert parse(spec) == ("m", [{"x": value}])
    assert parse(f"m[x={written(value)}]") == ("m", [{"x": value}])


def test_a_value_that_cannot_be_written_is_named():
    with pytest.raises(SpecError, match="cannot be written"):
        written(object())


def test_methods_are_counted_before_they_are_made():
    axes = ",".join(f"p{k}={list(range(100))}" for k in range(4))
    assert count(f"m[{axes}]") == 100**4 > MOST
    with pytest.raises(SpecError, match="names 100000000 methods; at most 1000000"):
        parse(f"m[{axes}]")


MORE = [
    "npe",
    "exact_score",
    "prior",
    "[",
    "]",
    "[",
    "]",
    ",",
    "=",
    "learning_rate",
    "steps",
    "density_estimator",
]
MORE += ["maf", "100", "keep", "bandwidth", "manual", "!!int ", "&a ", "*a", "{", "}", "<<"]


def test_any_text_gives_methods_or_one_line():
    """Each text is a specification, perhaps with a few pieces replaced, or an arbitrary one."""
    rng = random.Random(1)  # noqa: S311
    good = [["npe", "[", "learning_rate", "=", "1", ",", "density_estimator", "=", "[", "maf", "]", "]"]]
    good += [["exact_score", "[", "steps", "=", "100", "]"], ["inflationary", "[", "keep", "=", "null", "]"]]
    read, said = 0, set()
    for _ in range(3000):
        pieces = (
            list(rng.choice(good)) if rng.random() < 0.7 else rng.choices(MORE + PIECES, k=rng.randrange(15))
        )
        for _ in range(rng.randrange(3)):
            if pieces:
                pieces[rng.randrange(len(pieces))] = rng.choice(MORE + PIECES)
        spec = "".join(pieces)
        try:
            for method in methods.expand(spec):
                assert methods.get(method.spec) == method
                read += 1
        except (SpecError, RegistryError) as error:
            said.add(str(error))
    assert [line for line in said if not line.isprintable()] == []
    assert read > 300
