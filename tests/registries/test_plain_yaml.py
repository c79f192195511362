import pytest

from registries import PlainYAMLError, read_plain_yaml

TEN = "[*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0}]"
LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} {TEN.format(before)}\n" for before, name in zip("abcde", "bcdef", strict=True)
)
CHAIN = "k0: &a0 [1]\n" + "".join(f"k{k}: &a{k} [*a{k - 1}]\n" for k in range(1, 2000))

REFUSED = [
    ("a: 010", "010 is 8 in YAML"),
    ("a: 0_10", "0_10 is 8 in YAML"),
    ("a: 10:00", "base 60"),
    ("a: 1:30.5", "base 60"),
    ("a: 1\na: 2", "line 2: 'a' is given twice"),
    ("a: 1\n'a': 2", "line 2: 'a' is given twice"),
    ("{x: {b: 1, b: 1}}", "'b' is given twice"),
    ("a: 9223372036854775808", "beyond 64 bits"),
    ("a: -99999999999999999999", "beyond 64 bits"),
    ("a: " + "9" * 10_000, "beyond 64 bits"),
    ("a: 0x" + "f" * 10_000, "beyond 64 bits"),
    ("a: 1.0e+400", "beyond the largest number"),
    ("a: !!python/name:os.system x", "tag"),
    ("a: !!int x", "tag"),
    ("a: !!timestamp x", "tag"),
    ("a: !own x", "tag"),
    ("!!set {a}", "tag"),
    ("[a]: 1", "a key is a list"),
    ("a: 0b_", "not readable"),
    ("a: &a [*a]", "inside of what it names"),
    ("a: &a {b: [*a]}", "inside of what it names"),
    ("a: *b", "not YAML"),
    ("[" * 500 + "]" * 500, "nested more than"),
    ("a: " + "{b: " * 500 + "}" * 500, "nested more than"),
    ("- " * 500, "nested more than"),
    (CHAIN, "nested more than"),
    (LAUGHS, "aliases expanded"),
    ("a: [", "not YAML"),
    ("a: 1\n---\na: 2", "not YAML"),
    ("<<: 3", "not YAML"),
    ("a: \x07", "not YAML"),
    ("a: \ud800", "not YAML"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_what_is_refused_is_said_in_one_line(text, words):
    with pytest.raises(PlainYAMLError) as caught:
        read_plain_yaml(text)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1_000", {"a": 1000}),
        ("a: 0", {"a": 0}),
        ("a: 0x10", {"a": 16}),
        ("a: -0.5", {"a": -0.5}),
        ("a: 2026-11-26", {"a": "2026-11-26"}),
        ("2026-11-26: a", {"2026-11-26": "a"}),
        ("a: =", {"a": "="}),
        ("a: '010'", {"a": "010"}),
        ("a: [~, yes, off, x]", {"a": [None, True, False, "x"]}),
        ("a: .inf", {"a": float("inf")}),
        ("a: &a [1]\nb: [*a, *a]", {"a": [1], "b": [[1], [1]]}),
        ("a: &a {x: 1, y: 1}\nb:\n  <<: *a\n  y: 2", {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_what_is_read(text, value):
    assert read_plain_yaml(text) == value


def test_not_a_number_is_read():
    assert str(read_plain_yaml("a: .nan")["a"]) == "nan"


def test_keys_can_be_words():
    text = "{yes: 1, 5: 2, 2026-11-26: 3, null: 4}"
    assert read_plain_yaml(text, keys_are_words=True) == {"yes": 1, "5": 2, "2026-11-26": 3, "null": 4}


def test_empty_values_can_be_refused():
    assert read_plain_yaml("{a: , b: ''}") == {"a": None, "b": ""}
    with pytest.raises(PlainYAMLError, match="'a' has no value"):
        read_plain_yaml("{a: , b: ''}", empty_values=False)
