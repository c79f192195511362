"""Results of a killed and resumed run are compared with those of an undisturbed run."""

import pyarrow as pa
import pyarrow.parquet as pq

from bench.results.schema import COLUMNS
from bench.results.store import Store
from bench.studies.faults import SAME, _compared, _kept


def filled(directory, cells):
    store = Store(directory)
    for cell, score in cells.items():
        row = dict.fromkeys(COLUMNS) | {"cell": cell, "num_observation": 1, "status": "ok", "c2st": score}
        store.write_cell(cell, [row | {"mmd2": 0.1, "outside_prior": 0.0, "samples_sha256": "x"}])
    return store


def test_the_same_rows(tmp_path):
    expected = _kept(filled(tmp_path / "whole", {"a": 0.6, "b": 0.7}).directory)
    assert list(expected.columns) == SAME
    found = _compared(expected, filled(tmp_path / "out", {"b": 0.7, "a": 0.6}).directory)
    assert set(found.values()) == {0}


def test_what_is_missing_or_other_is_counted(tmp_path):
    expected = _kept(filled(tmp_path / "whole", {"a": 0.6, "b": 0.7, "c": 0.8}).directory)
    out = filled(tmp_path / "out", {"a": 0.6, "b": 0.71})
    once = pq.read_table(out.cells / "a.parquet")
    pq.write_table(pa.concat_tables([once, once]), out.cells / "a.parquet")
    (out.cells / ".d.tmp").write_bytes(b"half")
    found = _compared(expected, out.directory)
    assert found == {"missing": 1, "repeated": 1, "different": 1, "broken": 0, "left": 1}
