import shutil

import pyarrow.parquet as pq
import pytest

from bench.errors import UsageError
from bench.results.schema import COLUMNS
from bench.results.store import Store, done


def row(k, status="ok", **values):
    return dict.fromkeys(COLUMNS) | {"num_observation": k, "status": status, "cell": "abc"} | values


def test_columns_are_the_documented_ones():
    documented = [
        "task",
        "task_version",
        "method",
        "params",
        "method_version",
        "num_simulations",
        "seed",
        "num_observation",
        "status",
        "error",
        "num_posterior_samples",
        "c2st",
        "c2st_se",
        "mmd2",
        "sliced_w2",
        "outside_prior",
        "simulate_s",
        "train_s",
        "sample_s",
        "sample_s_iqr",
        "nfe",
        "num_parameters",
        "diagnostics",
        "peak_memory_mb",
        "device",
        "device_name",
        "timing",
        "cell",
        "scorebench_version",
        "git_commit",
        "torch_version",
        "sbi_version",
        "started_at",
    ]
    assert set(documented) <= set(COLUMNS)
    assert set(COLUMNS) - set(documented) == {
        "num_failed_simulations",
        "num_extreme_simulations",
        "num_predictive",
        "samples_sha256",
        "cell_s",
        "cell_cpu_s",
        "batch_size",
        "sample_s_raw",
        "energy_j",
        "driver_version",
        "dtype",
        "threads",
        "c2st_es",
        "marginal_kl",
        "gaussian_kl",
        "gaussian_w2",
        "ppc",
        "num_calibration",
        "num_calibration_finite",
        "invalid",
        "task_sha256",
        "method_sha256",
        "changed_params",
        "metric_errors",
        "c2st_rf",
        "foreign_load",
        "sbc_ks",
        "coverage_error",
        "tarp_ece",
        "sbc_curve",
        "coverage_curve",
        "tarp_curve",
    }


def test_a_row_is_done_when_it_has_the_calibration_that_is_asked_for(tmp_path):
    store = Store(tmp_path)
    store.write_cell("abc", [row(1, num_calibration=200), row(2)])
    assert done(store.state("abc")) == {1, 2}
    assert done(store.state("abc"), 200) == {1}
    assert done(store.state("abc"), 300) == set()


def test_a_file_written_before_a_column_was_there_is_read(tmp_path):
    store = Store(tmp_path)
    store.write_cell("abc", [row(1, c2st=0.6)])
    path = tmp_path / "cells" / "abc.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["ppc", "sbc_curve"]), path)
    rows = store.read()
    assert rows["c2st"].tolist() == [0.6]
    assert rows["ppc"].isna().all()


def test_rows_come_back(tmp_path):
    store = Store(tmp_path / "out")
    store.write_cell("abc", [row(1, c2st=0.6), row(2, "error", error="Traceback\nValueError")])
    rows = store.read()
    assert list(rows.columns) == COLUMNS
    assert rows["c2st"].tolist()[0] == 0.6
    assert done(store.state("abc")) == {1}
    assert done(store.state("other")) == set()


def test_a_line_says_how_many_files_are_read_faster(tmp_path, monkeypatch):
    for cell in ("a", "b", "c"):
        Store(tmp_path).write_cell(cell, [row(1, cell=cell)])
    lines = []
    Store(tmp_path, warn=lines.append).read()
    assert lines == []
    monkeypatch.setattr("bench.results.row_reader.MANY", 2)
    Store(tmp_path, warn=lines.append).read()
    assert lines == [
        f"{tmp_path}/cells: more than 2 files of single cells; scorebench merge {tmp_path} --out {tmp_path} "
        "puts their rows into few large files, which are read several times faster"
    ]


def test_some_columns_of_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.results.row_reader.BATCH", 2)
    store = Store(tmp_path)
    for number in range(5):
        store.write_cell(f"c{number}", [row(1, cell=f"c{number}", c2st=0.5 + number / 10)])
    rows = store.read(["c2st", "method"])
    assert list(rows.columns) == ["c2st", "method"]
    assert rows["c2st"].tolist() == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])


def test_new_rows_join_old_ones_and_replace_failures(tmp_path):
    store = Store(tmp_path)
    store.write_cell("abc", [row(1, c2st=0.6, num_parameters=3), row(2, "error")])
    store.write_cell("abc", [row(3), row(2, c2st=0.7)])
    rows = store.read()
    assert rows["num_observation"].tolist() == [1, 2, 3]
    assert rows["status"].tolist() == ["ok"] * 3
    assert rows["num_parameters"].tolist()[0] == 3


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    store = Store(tmp_path)
    store.write_cell("abc", [row(1, c2st=0.6)])
    with pytest.raises(Exception, match="num"):
        store.write_cell("abc", [row(2, c2st="no number")])
    assert done(store.state("abc")) == {1}
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["abc.parquet"]


def test_an_empty_directory_is_named(tmp_path):
    with pytest.raises(UsageError, match="no results there"):
        Store(tmp_path).read()


@pytest.mark.parametrize("inside", ["", "deeper/still"])
def test_a_file_in_the_way(tmp_path, inside):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        Store(file / inside)
    assert file.read_text() == "mine"


def test_a_broken_cell_file_is_named(tmp_path):
    store = Store(tmp_path)
    store.write_cell("abc", [row(1)])
    (tmp_path / "cells" / "bad.parquet").write_bytes(b"PAR1 rubbish")
    with pytest.warns(UserWarning, match=r"bad\.parquet: left out"):
        store.read()


def test_a_file_copied_from_another_directory_is_said(tmp_path):
    ours, theirs = Store(tmp_path / "ours"), Store(tmp_path / "theirs")
    ours.write_cell("abc", [row(1), row(2)])
    ours.write_cell("own", [row(1, cell="own")])
    theirs.write_cell("abc", [row(3)])
    shutil.copy(theirs.cells / "abc.parquet", ours.cells / "abc.parquet")
    for look in (Store.read, Store.states):
        said = []
        look(Store(tmp_path / "ours", warn=said.append))
        [line] = said
        assert "1 of 2 cell files were written in another directory" in line
    # Rows that are added later do not hide it.
    ours.write_cell("abc", [row(1)])
    with pytest.warns(UserWarning, match="another directory"):
        Store(tmp_path / "ours").read()


def test_two_directories_copied_into_a_new_one_are_said(tmp_path):
    for name in ("first", "second"):
        Store(tmp_path / name).write_cell(name, [row(1, cell=name)])
        shutil.copytree(tmp_path / name / "cells", tmp_path / "both" / "cells", dirs_exist_ok=True)
    with pytest.warns(UserWarning, match="1 of 2 cell files"):
        Store(tmp_path / "both").read()


@pytest.mark.parametrize("inside", ["", "cells"])
def test_a_directory_that_moved_is_the_same(tmp_path, inside):
    Store(tmp_path / "old").write_cell("abc", [row(1)])
    shutil.copytree(tmp_path / "old" / inside, tmp_path / "new" / inside)
    said = []
    store = Store(tmp_path / "new", warn=said.append)
    store.write_cell("own", [row(1, cell="own")])
    assert len(store.read()) == 2
    assert said == []


def test_a_renamed_copy_is_not_counted_twice(tmp_path):
    store = Store(tmp_path)
    store.write_cell("abc", [row(1), row(2)])
    shutil.copy(store.cells / "abc.parquet", store.cells / "copy.parquet")
    with pytest.warns(UserWarning, match=r"copy\.parquet: left out: its rows are of cell abc"):
        assert len(store.read()) == 2


def test_looking_at_states_need_not_rename_a_broken_file(tmp_path):
    store = Store(tmp_path)
    store.write_cell("abc", [row(1)])
    (store.cells / "bad.parquet").write_bytes(b"PAR1 rubbish")
    with pytest.warns(UserWarning, match="left out"):
        assert set(store.states(rename_broken=False)) == {"abc"}
    assert (store.cells / "bad.parquet").exists()
