import pandas as pd
import pytest

from bench.results.tables.fitting import without_room


@pytest.mark.parametrize(
    ("width", "absent"),
    [
        (100, []),
        (19, ["ppc", "nfe"]),
        (11, ["c2st", "ppc", "nfe"]),
        (0, ["task", "c2st", "ppc", "nfe", "rows"]),
    ],
)
def test_columns_are_kept_by_importance_and_named_in_their_order(width, absent):
    shown = pd.DataFrame({"task": ["sir"], "c2st": ["0.55"], "ppc": ["1"], "nfe": ["1"], "rows": ["3"]})
    assert without_room(shown, width, ["task", "rows"]) == absent
