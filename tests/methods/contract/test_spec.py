from typing import get_args

import pytest

import methods
from methods import Method, SpecError, UnknownMethodError, register_method
from methods.contract.registry import method_class
from methods.contract.spec import parse, written


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
