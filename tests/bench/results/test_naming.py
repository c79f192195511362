import json

import pandas as pd
import pytest

from bench.results.naming import method_labels, parameters


def rows(*params, method="npe", changed=None):
    return pd.DataFrame(
        {
            "method": method,
            "params": [json.dumps(p) for p in params],
            "changed_params": changed or [None] * len(params),
        }
    )


def test_a_label_has_what_differs_from_the_default_also_where_nothing_varies():
    assert list(method_labels(rows({"density_estimator": "maf"}))) == ["npe[density_estimator=maf]"]


def test_a_label_has_nothing_else():
    assert list(method_labels(rows({"density_estimator": "nsf"}, {"learning_rate": 5e-4}))) == ["npe", "npe"]


def test_a_parameter_that_a_row_does_not_have_yet_counts_as_its_default():
    both = rows({}, {"density_estimator": "nsf"}, {"density_estimator": "maf"})
    first, second, third = parameters(both)
    assert first == second != third


def test_methods_that_are_not_known_here_are_labelled_by_what_their_rows_say():
    unknown = rows({"k": 5, "l": 1}, method="nearest", changed=['{"k": 5}'])
    assert list(method_labels(unknown)) == ["nearest[k=5]"]


def test_old_rows_of_unknown_methods_show_what_varies():
    assert list(method_labels(rows({"k": 5, "l": 1}, {"k": 6, "l": 1}, method="nearest"))) == [
        "nearest[k=5]",
        "nearest[k=6]",
    ]


@pytest.mark.parametrize("method", ["npe", "nearest"])
def test_a_parameter_can_be_left_out(method):
    one = rows({"steps": 5, "width": 7}, method=method, changed=['{"steps": 5, "width": 7}'])
    assert list(method_labels(one, without=("steps",))) == [f"{method}[width=7]"]
