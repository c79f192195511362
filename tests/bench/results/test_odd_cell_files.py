"""Folders from elsewhere: each file that does not belong is one line, and the rest is shown."""

import json
import math
import os
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.commands.main import main
from bench.errors import StorageError
from bench.results.cell_file import MOST_ROWS, ORIGIN
from bench.results.schema import COLUMNS, SCHEMA
from bench.results.store import Store
from bench.results.table import FORMATS, needed, render, summarize

CURVE = np.linspace(0.05, 0.95, 19).tolist()
GOOD = dict.fromkeys(COLUMNS) | {
    "task": "good_task",
    "method": "npe",
    "params": '{"density_estimator": "maf"}',
    "changed_params": '{"density_estimator": "maf"}',
    "num_simulations": 100,
    "seed": 0,
    "num_observation": 1,
    "status": "ok",
    "error": "",
    "num_posterior_samples": 1000,
    "batch_size": 1,
    "c2st": 0.625,
    "sample_s": 0.5,
    "cell_s": 2.0,
    "device": "cpu",
    "timing": "exclusive",
    "sbc_ks": 0.1,
    "sbc_curve": CURVE * 2,
    "coverage_curve": CURVE,
    "tarp_curve": CURVE,
    "num_calibration": 200,
}


def table_of(*rows, **changes):
    return pa.Table.from_pylist(list(rows) or [GOOD | {"cell": "odd"} | changes], schema=SCHEMA)


def with_column(name, array):
    table = table_of()
    return table.set_column(table.column_names.index(name), name, array)


def without(name):
    return table_of().drop_columns([name])


def raw_text(content):
    """A column of text whose bytes need not be UTF-8."""
    offsets = pa.py_buffer(np.array([0, len(content)], dtype=np.int32).tobytes())
    return pa.StringArray.from_buffers(1, offsets, pa.py_buffer(content))


# What the file holds, and words of the line about it.
ODD = {
    "no_cell": (without("cell"), "no column 'cell'"),
    "no_status": (without("status"), "no column 'status'"),
    "no_observation": (without("num_observation"), "no column 'num_observation'"),
    "no_task": (without("task"), "no value in column 'task'"),
    "no_method": (without("method"), "no value in column 'method'"),
    "no_budget": (without("num_simulations"), "no value in column 'num_simulations'"),
    "no_samples": (without("num_posterior_samples"), "no num_posterior_samples"),
    "null_status": (table_of(status=None), "no value in column 'status'"),
    "null_task": (table_of(task=None), "no value in column 'task'"),
    "null_method": (table_of(method=None), "no value in column 'method'"),
    "null_observation": (table_of(num_observation=None), "no value in column 'num_observation'"),
    "twice": (table_of().append_column("c2st", pa.array([0.5])), "the column 'c2st' twice"),
    "cell_twice": (table_of().append_column("cell", pa.array(["odd"])), "the column 'cell' twice"),
    "derived": (table_of().append_column("c2st_std", pa.array([0.5])), "name of a column of tables"),
    "same_observation": (table_of(GOOD | {"cell": "odd"}, GOOD | {"cell": "odd"}), "two rows of one"),
    "cell_is_a_path": (table_of(cell="../../x"), "no name of a cell"),
    "cell_is_long": (table_of(cell="x" * 5000), "no name of a cell"),
    "cell_has_a_null": (table_of(cell="a\0b"), "no name of a cell"),
    "cell_is_empty": (table_of(cell=""), "no name of a cell"),
    "params_is_a_list": (table_of(params="[1]"), "no JSON object"),
    "params_is_text": (table_of(params="{density_estimator: maf}"), "no JSON object"),
    "params_is_empty": (table_of(params=""), "no JSON object"),
    "params_is_null": (table_of(params="null"), "no JSON object"),
    "params_is_deep": (table_of(params='{"a":' + "[" * 100_000), "no JSON object"),
    "params_is_long": (table_of(params='{"a":' + "9" * 5000 + "}"), "no JSON object"),
    "changed_is_a_list": (table_of(changed_params='["a"]'), "no JSON object"),
    "changed_is_a_number": (table_of(changed_params="3"), "no JSON object"),
    "metric_errors_is_a_list": (table_of(metric_errors="[]"), "no JSON object"),
    "not_utf8": (with_column("task", raw_text(b"\xff\xfe")), "not"),
    "error_not_utf8": (with_column("params", raw_text(b"{\xc3}")), "not"),
    "task_is_a_number": (with_column("task", pa.array([[1.5]])), "of type"),
    "c2st_is_text": (with_column("c2st", pa.array(["good"])), "of type string, not double"),
    "c2st_is_a_list": (with_column("c2st", pa.array([[0.5]])), "of type"),
    "observation_is_a_fraction": (
        with_column("num_observation", pa.array([1.5])),
        "of type double, not int64",
    ),
    "observation_is_huge": (with_column("num_observation", pa.array([2**64 - 1], pa.uint64())), "not int64"),
    "observation_is_a_list": (with_column("num_observation", pa.array([[1]])), "of type"),
    "status_is_a_struct": (with_column("status", pa.array([{"a": 1}])), "of type"),
    "curve_is_a_number": (with_column("tarp_curve", pa.array([0.5])), "of type"),
    "curve_is_text": (with_column("tarp_curve", pa.array([["a"] * 19])), "of type"),
    "curve_is_short": (table_of(tarp_curve=CURVE[:5]), "no curve of 19"),
    "curve_is_long": (table_of(coverage_curve=CURVE * 2), "no curve of 19"),
    "curve_is_empty": (table_of(sbc_curve=[]), "no curve of 19"),
    "ranks_are_short": (table_of(sbc_curve=CURVE[:18]), "no curve of 19"),
    "curve_with_nan": (table_of(tarp_curve=[math.nan] * 19), "no curve of 19"),
    "curve_with_null": (table_of(tarp_curve=[None] * 19), "no curve of 19"),
    "curve_is_infinite": (table_of(sbc_curve=[math.inf] * 19), "no curve of 19"),
    "seconds_are_infinite": (table_of(sample_s=math.inf), "'sample_s' is infinite"),
    "cell_s_is_infinite": (table_of(cell_s=-math.inf), "'cell_s' is infinite"),
    "c2st_is_infinite": (table_of(c2st=math.inf), "'c2st' is infinite"),
    "budget_is_negative": (table_of(num_simulations=-5), "less than 1"),
    "no_batch": (table_of(batch_size=0), "less than 1"),
    "samples_are_none": (table_of(num_posterior_samples=0), "no num_posterior_samples"),
    "samples_are_negative": (table_of(num_posterior_samples=-1), "less than 0"),
    "pairs_are_negative": (table_of(num_calibration=-1), "less than 0"),
    "origins_are_a_number": (table_of().replace_schema_metadata({ORIGIN: b"5"}), "list of directories"),
    "origins_are_text": (table_of().replace_schema_metadata({ORIGIN: b"\xff"}), "not a cell file"),
    "many_rows": (pa.table({"cell": pa.nulls(MOST_ROWS + 1, pa.string())}), "rows, more than"),
    "many_columns": (pa.table({f"c{k}": pa.array([0.5]) for k in range(2500)}), "columns, more than"),
    "no_columns": (pa.table({}), "no column 'cell'"),
    "plugin_kind": (table_of().append_column("own", pa.array([[0.5]])), "in other files of double"),
}
# What is in columns that figures read and tables do not.
DRAWN = [name for name in ODD if name.startswith(("curve", "ranks", "cell_s_", "pairs"))]
# What is read, although it looks odd.
FINE = {
    "null_cell": table_of(cell=None),
    "control": table_of(task="a\x1b[31m\nb", method="\x07bell"),
    "mathematics": table_of(task="$\\frac{1$", method="m$", params='{"a": "$x^$"}'),
    "dollars": table_of(task="$a$ {col_name} %s", device="$cpu$", timing="a\nb"),
    "markup": table_of(task="[red]x[/red]", method=":smile: <b>|`*"),
    "long": table_of(task="t" * 3000, method="m" * 3000),
    "longer": table_of(task="t" * 3001, method="m" * 3001),
    "foreign": table_of(task="タスク \u202e", method="_hidden"),
    "steps_is_a_list": table_of(params='{"steps": [1, 2]}'),
    "steps_is_text": table_of(params='{"steps": "many"}'),
    "deep_value": table_of(params='{"a": {"b": [[[1]]]}}', changed_params='{"a": 1}'),
    "big_number": table_of(
        params='{"a": ' + "9" * 400 + ', "b": NaN, "c": 1e999}', changed_params='{"a": 1}'
    ),
    "no_params": table_of(params=None, changed_params=None),
    "version": table_of(task_version="9" * 5000, method_version="1.²"),
    "unknown_status": table_of(status="strange"),
    "nan_seconds": table_of(sample_s=math.nan, c2st=math.nan),
    "three_ranks": table_of(sbc_curve=CURVE * 3),
    "no_pairs": table_of(num_calibration=None),
    "no_curve": table_of(tarp_curve=None),
    "reasons": table_of(metric_errors='{"c2st": ["a", 1], "\\u001b[1m": null}'),
    "no_rows": table_of().slice(0, 0),
    "old": without("tarp_curve").drop_columns(["changed_params", "batch_size", "device", "timing"]),
    "floats": with_column("num_observation", pa.array([1.0])),
    "dictionary": with_column("task", pa.array(["dictionary"]).dictionary_encode()),
    "plugin": table_of().append_column("own\x1b[1m $", pa.array([0.5])),
    "huge_budget": table_of(num_simulations=2**62, num_posterior_samples=2**62),
}


def write(folder, name, table):
    """Write a file of that name whose rows are of the cell of that name, unless they are of an odd one."""
    if "cell" in table.column_names and table.column_names.count("cell") == 1:
        cells = [name if cell == "odd" else cell for cell in table["cell"].to_pylist()]
        table = table.set_column(table.column_names.index("cell"), "cell", pa.array(cells, pa.string()))
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "cells" / f"{name}.parquet")


@pytest.fixture
def folder(tmp_path):
    """A folder with a good cell file, to which a plug-in's metric has added a column."""
    write(tmp_path, "a_good_one", table_of(cell="odd").append_column("own", pa.array([0.25])))
    return tmp_path


def call(monkeypatch, capfd, *arguments):
    monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capfd.readouterr()
    return SimpleNamespace(status=end.value.code, out=captured.out, err=captured.err)


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_is_one_line_and_the_rest_is_shown(folder, name):
    table, words = ODD[name]
    write(folder, name, table)
    before, said = content(folder), []
    rows = Store(folder, warn=said.append).read(COLUMNS if name in DRAWN else needed(), shown=True)
    assert len(rows) == 1
    [line] = said
    assert f"{name}.parquet: left out: " in line
    assert words in line
    assert "good_task" in render(summarize(rows), "text")
    Store(folder, warn=said.append).states(rename_broken=False)
    assert content(folder) == before


@pytest.mark.parametrize("name", FINE)
def test_what_looks_odd_is_shown_in_every_format(folder, name):
    write(folder, name, FINE[name])
    said = []
    rows = Store(folder, warn=said.append).read(needed(), shown=True)
    shown = summarize(rows, say=said.append)
    for form in FORMATS:
        text = render(shown, form)
        assert "good_task" in text or form == "latex"
        assert all(line.isprintable() for line in text.split("\n")), form
    assert not any("left out: " in line for line in said)


@pytest.mark.slow
def test_all_of_them_at_once_are_tabled_and_drawn(folder, monkeypatch, capfd):
    for name, table in [*ODD.items(), *FINE.items()]:
        write(folder, name, table[0] if name in ODD else table)
    os.mkfifo(folder / "cells" / "pipe.parquet")
    (folder / "cells" / "folder.parquet").mkdir()
    (folder / "cells" / "nowhere.parquet").symlink_to("missing")
    (folder / "cells" / "rubbish.parquet").write_bytes(b"PAR1 rubbish PAR1")
    os.mkfifo(folder / "store.json")
    before = content(folder)
    for words in (["table"], ["plot", "--out", folder / "drawn"]):
        result = call(monkeypatch, capfd, words[0], folder, *words[1:])
        lines = result.err.splitlines()
        assert result.status == 0, result.err
        assert all(line.startswith("scorebench: ") and line.isprintable() for line in lines)
        for name in [*ODD, "pipe", "folder", "nowhere", "rubbish"]:
            if name in DRAWN and words == ["table"]:
                continue
            assert sum(f"/{name}.parquet: left out: " in line for line in lines) == 1, name
    drawn = {path.name for path in (folder / "drawn").iterdir()}
    assert drawn >= {
        f"{name}.{suffix}"
        for name in ("accuracy_by_time", "c2st_by_budget", "calibration", "times")
        for suffix in ("pdf", "png")
    }
    for words in (["status"], ["errors"], ["rm", "-t", "sir"]):
        result = call(monkeypatch, capfd, words[0], folder, *words[1:])
        assert result.status in (0, 1, 2), result.err
    assert {path: text for path, text in content(folder).items() if "drawn" not in path.parts} == before
    plan = call(monkeypatch, capfd, "run", "-t", "sir", "-m", "prior", "--out", folder, "--dry-run")
    assert plan.status == 0, plan.err


def test_a_run_renames_what_it_cannot_read_and_does_not_open_a_pipe(folder):
    os.mkfifo(folder / "cells" / "pipe.parquet")
    write(folder, "no_cell", without("cell"))
    said = []
    states = Store(folder, warn=said.append).states()
    assert set(states) == {"a_good_one"}
    names = sorted(path.name for path in (folder / "cells").iterdir())
    assert names == ["a_good_one.parquet", "no_cell.parquet.broken", "pipe.parquet.broken"]
    assert len(said) == 2


def test_a_file_that_cannot_be_renamed_is_one_line(folder, monkeypatch):
    write(folder, "no_cell", without("cell"))

    def refused(*paths):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bench.results.row_reader.os.replace", refused)
    with pytest.raises(StorageError, match=r"no_cell\.parquet: .*could not be renamed \(Permission denied\)"):
        Store(folder).states()


def test_a_directory_that_may_not_be_read_is_one_line(folder, monkeypatch, capfd):
    def refused(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("bench.results.row_reader.os.listdir", refused)  # root may read everything
    result = call(monkeypatch, capfd, "table", folder)
    assert (result.status, result.err) == (2, f"scorebench: {folder / 'cells'}: Permission denied\n")


def test_a_folder_that_may_not_be_written_to_is_tabled_and_drawn(
    folder, tmp_path_factory, monkeypatch, capfd
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def access(path, mode, **options):  # root may write everywhere
        return mode & os.W_OK == 0 or path == elsewhere

    monkeypatch.setattr("bench.commands.arguments.os.access", access)
    assert call(monkeypatch, capfd, "table", folder).status == 0
    refused = call(monkeypatch, capfd, "plot", folder)
    assert (refused.status, len(refused.err.splitlines())) == (2, 1)
    assert "no permission to write to" in refused.err
    assert call(monkeypatch, capfd, "plot", folder, "--out", elsewhere).status == 0
    drawn = {path.stem for path in elsewhere.iterdir()}
    assert {"accuracy_by_time", "c2st_by_budget", "calibration", "times"} <= drawn


def test_a_figure_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch, capfd):
    assert call(monkeypatch, capfd, "plot", folder).status == 0
    before = content(folder)

    def full(self, path, *arguments, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    result = call(monkeypatch, capfd, "plot", folder)
    assert (result.status, len(result.err.splitlines())) == (2, 1)
    assert "No space left on device" in result.err
    assert content(folder) == before


def test_labels_of_methods_read_back(folder):
    values = {
        "text": "a,b",
        "empty": "",
        "one": "1",
        "hash": "#x",
        "map": "a: b",
        "widths": [[3, 4]],
        "list": [3],
    }
    write(
        folder, "labels", table_of(method="own", params=json.dumps(values), changed_params=json.dumps(values))
    )
    shown = summarize(Store(folder).read(needed(), shown=True))
    from methods.contract.spec import parse

    assert ("own", [values]) in [parse(label) for label in shown["method"]]
