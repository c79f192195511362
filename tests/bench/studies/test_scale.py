"""The study of the store's costs prints the time of every step that a user waits for."""

import pytest

from bench.studies.scale import store_costs


@pytest.mark.slow
@pytest.mark.subprocess
def test_every_step_is_timed():
    table = store_costs(32).set_index("step")
    assert list(table.index) == [
        "claim, hand to a process, write",
        "write",
        "resume, all done",
        "table",
        "status",
        "export",
        "merge",
        "table, merged",
    ]
    assert (table["per_cell_ms"] > 0).all()
    assert 0.1 < table.loc["write", "megabytes"] < 5.0
