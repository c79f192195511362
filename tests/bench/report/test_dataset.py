import json

import numpy as np
import pandas as pd
import pytest

from bench.report import dataset
from bench.report.dataset import embed, in_script, read_back
from bench.results.store import Store


def there_and_back(rows):
    return read_back(json.loads(in_script(embed(rows))))


def test_rows_come_back_to_seven_digits(small_directory):
    rows = Store(small_directory).read()
    back = there_and_back(rows)
    assert list(back) == list(rows)
    for name in rows:
        if pd.api.types.is_numeric_dtype(rows[name]):
            np.testing.assert_allclose(back[name].to_numpy(float), rows[name].to_numpy(float), rtol=5e-7)
        elif name.endswith("_curve"):
            for one, other in zip(back[name], rows[name], strict=True):
                np.testing.assert_allclose(one, other, atol=5e-5)
        else:
            missing = rows[name].isna()
            assert (back[name].isna() == missing).all()
            assert list(back[name][~missing]) == list(rows[name][~missing])


def test_odd_numbers_come_back():
    rows = pd.DataFrame({"seed": [2**63 - 1, -(2**60), 3], "ppc": [np.inf, -np.inf, np.nan]})
    back = there_and_back(rows)
    assert back["seed"].tolist() == [2**63 - 1, -(2**60), 3]
    assert back["ppc"].tolist()[:2] == [np.inf, -np.inf]
    assert np.isnan(back["ppc"][2])


def test_json_stays_json_and_text_is_printable():
    rows = pd.DataFrame(
        {"params": ['{"a": "\u202e\u00a0\\u001b"}'], "method": ["n\x1b[31mpe"], "error": ["a\nb\tc"]}
    )
    back = there_and_back(rows)
    assert json.loads(back["params"][0]) == {"a": "\u202e\u00a0\x1b"}
    assert back["params"][0].isprintable()
    assert back["method"][0] == r"n\x1b[31mpe"
    assert back["error"][0] == "a\nb\\tc"


def test_no_text_ends_the_script_element():
    text = in_script(embed(pd.DataFrame({"error": ["</script><script>alert(1)</script><!--"]})))
    assert "<" not in text


def test_errors_that_take_too_much_room_are_shortened(monkeypatch):
    monkeypatch.setattr(dataset, "MOST_ERRORS", 10_000)
    texts = [f"Traceback {number}\n{'x' * 9000}\nValueError: number {number}" for number in range(5)]
    shown = there_and_back(pd.DataFrame({"error": texts}))["error"]
    assert "characters left out" in shown[0]
    assert shown[0].startswith("Traceback 0")
    assert shown[0].endswith("ValueError: number 0")
    assert list(shown[1:]) == [f"ValueError: number {number}" for number in range(1, 5)]


@pytest.mark.parametrize("number", [0, 3])
def test_columns_without_values(number):
    rows = pd.DataFrame({"c2st": [np.nan] * number, "error": [None] * number})
    back = there_and_back(rows)
    assert len(back) == number
    assert back.isna().all(axis=None)
