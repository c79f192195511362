"""``scorebench score``: samples that were made elsewhere become rows, or are refused in one line."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import tasks
from bench.commands.main import main
from bench.errors import UsageError
from bench.metrics import BUILT_IN
from bench.results.selection import times_of_one_kind
from bench.results.store import Store
from bench.run.fit_and_sample import fingerprint

NUMBER = 400  # samples in a file


@pytest.fixture
def scorebench(tmp_path, monkeypatch, capfd):
    """A function that calls the entry point in an empty folder, and returns status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capfd.readouterr()
        return SimpleNamespace(status=end.value.code, out=captured.out, err=captured.err)

    return call


def draws(k, shift=0.0):
    return tasks.get("two_moons").reference_samples(k)[:NUMBER].numpy() + np.float32(shift)


def rows():
    return Store("out").read().sort_values("num_observation", ignore_index=True)


@pytest.mark.usefixtures("quick_classifiers")
def test_a_file_is_a_row_like_any_other(scorebench):
    theta = draws(2, 0.1)
    np.savez("theirs.npz", theta)
    words = ["score", "two_moons", "theirs.npz", "--name", "theirs", "--observation", 2, "--out", "out"]
    words += ["-n", 150, "--seed", 4, "--train-seconds", 12, "--sample-seconds", 0.5]
    result = scorebench(*words)
    assert (result.status, result.err) == (0, "")
    assert "two_moons theirs n=150 seed=4, observation 2: c2st 0." in result.out
    [row] = rows().to_dict("records")
    assert (row["method"], row["params"], row["changed_params"]) == ("theirs", '{"kind": "external"}', "{}")
    assert (row["num_observation"], row["num_posterior_samples"]) == (2, NUMBER)
    assert (row["train_s"], row["sample_s"], row["timing"]) == (12, 0.5, "exclusive")
    assert row["samples_sha256"] == fingerprint(torch.from_numpy(theta))
    assert row["status"] == "ok"
    # All metrics that need nothing but samples and what two_moons has.
    wanted = {name for name, cls in BUILT_IN.items() if not {"likelihood", "calibration"} & set(cls.needs)}
    without = {"gaussian_kl", "gaussian_w2", "projection_kl"} & set(row)
    assert [name for name in sorted(wanted - without) if pd.isna(row[name])] == []
    assert 0 < row["num_predictive"] < NUMBER  # some samples are outside the prior


@pytest.mark.usefixtures("quick_classifiers")
def test_their_samples_score_as_ours(scorebench):
    """The samples of a run, scored from a file, have the same metrics to the last digit."""
    run = ["run", "-t", "two_moons", "-m", "rejection_abc", "-n", 150, "-o", 1, "--num-samples", NUMBER]
    scorebench(*run, "--backend", "sequential", "--keep", "samples", "--out", "out")
    np.save("theirs.npy", Store("out").samples(method="rejection_abc").numpy())
    scorebench("score", "two_moons", "theirs.npy", "--name", "theirs", "-o", 1, "-n", 150, "--out", "out")
    found = rows().set_index("method")
    columns = [*BUILT_IN, "samples_sha256", "num_predictive", "task_sha256"]
    pd.testing.assert_series_equal(
        found.loc["theirs", columns], found.loc["rejection_abc", columns], check_names=False
    )
    table = scorebench("table", "out", "--format", "csv").out
    assert [line.split(",")[2] for line in table.splitlines()[1:]] == ["rejection_abc", "theirs"]
    assert scorebench("plot", "out").status == 0


@pytest.mark.usefixtures("quick_classifiers")
def test_a_folder_is_a_row_for_each_of_its_files(scorebench, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    np.savez(folder / "theirs_1.npz", samples=draws(1).astype(np.float64), weights=np.ones(3))
    np.save(folder / "theirs_2.npy", draws(2))
    pd.DataFrame(draws(3)).to_csv(folder / "theirs_3.csv", index=False)
    np.savetxt(folder / "theirs_10.csv", draws(10), delimiter=",", header="a,b", comments="")
    np.savetxt(folder / "others_4.csv", draws(4), delimiter=",")
    words = ["score", "two_moons", "folder", "--metrics", "mmd2,c2st", "--out", "out", "--name"]
    assert scorebench(*words, "theirs").status == 0
    assert rows()["num_observation"].tolist() == [1, 2, 3, 10]
    assert rows()["num_posterior_samples"].tolist() == [NUMBER] * 4
    assert rows()["mmd2"].notna().all()
    assert rows()["sliced_w2"].isna().all()
    assert scorebench(*words, "others", "-o", 4).status == 0
    assert rows()["method"].value_counts().to_dict() == {"theirs": 4, "others": 1}
    assert "no file of observation 5 is named theirs_OBSERVATION" in scorebench(*words, "theirs", "-o", 5).err


@pytest.mark.usefixtures("quick_classifiers")
def test_rows_are_replaced_only_on_request(scorebench):
    for k in (1, 2):
        np.save(f"{k}.npy", draws(k))
    words = ["--name", "theirs", "--metrics", "mmd2", "--out", "out"]
    for k in (1, 2):
        assert scorebench("score", "two_moons", f"{k}.npy", "-o", k, *words).status == 0
    before = rows()
    np.save("1.npy", draws(1, 0.2)[:200])
    refused = scorebench("score", "two_moons", "1.npy", "-o", 1, *words)
    assert refused.status == 2
    assert "rows of observations 1 exist in out; --redo replaces them, another --name, --seed" in refused.err
    assert rows().equals(before)
    assert scorebench("score", "two_moons", "1.npy", "-o", 1, *words, "--redo").status == 0
    after = rows()
    assert after["num_posterior_samples"].tolist() == [200, NUMBER]
    assert after.iloc[1].equals(before.iloc[1])
    assert scorebench("score", "two_moons", "1.npy", "-o", 1, *words, "-s", 1).status == 0
    assert len(rows()) == 3


def test_rows_without_times_do_not_hide_those_of_others():
    ours = {"method": "npe", "device": "cpu", "timing": "shared", "train_s": 3.0, "sample_s": 1.0}
    theirs = [{"method": f"theirs{k}", "device": "cpu", "timing": "exclusive"} for k in range(3)]
    shown, kind = times_of_one_kind(pd.DataFrame([ours, *theirs]), ["method"])
    assert kind == ("cpu", "shared")
    assert shown["method"].tolist() == ["npe"]


def test_a_metric_that_fails_is_named(scorebench, plugin):
    np.save("theirs.npy", np.random.default_rng(0).normal(size=(NUMBER, 2)))
    words = ["score", "shaky", "theirs.npy", "--name", "theirs", "-o", 1, "--out", "out", "--plugin", plugin]
    assert scorebench(*words, "--metrics", "ppc,c2st").status == 0
    [row] = rows().to_dict("records")
    assert np.isfinite(row["ppc"])
    assert pd.isna(row["c2st"])  # the task has no reference


def as_bytes(save, *values, **named):
    file = io.BytesIO()
    save(file, *values, **named)
    return file.getvalue()


GOOD = np.zeros((NUMBER, 2))
ODD = np.where(np.arange(NUMBER * 2).reshape(-1, 2) == 7, np.nan, GOOD)
CASES = [
    ("a.npy", as_bytes(np.save, np.zeros((NUMBER, 3))), [], "a.npy gives (400, 3), not (N, 2)"),
    ("a.npy", as_bytes(np.save, np.zeros(NUMBER)), [], "a.npy gives (400,), not (N, 2)"),
    ("a.npy", as_bytes(np.save, GOOD + 1j), [], "not real numbers of shape (N, 2)"),
    ("a.npy", as_bytes(np.save, np.array([["a", "b"]] * NUMBER)), [], "not real numbers of shape (N, 2)"),
    ("a.npy", as_bytes(np.save, np.array([{}])), [], "not a sound .npy file of numbers"),
    ("a.npy", as_bytes(np.save, ODD), [], "1 of 400 rows are not finite as float32"),
    ("a.npy", as_bytes(np.save, GOOD + 1e300), [], "400 of 400 rows are not finite as float32"),
    ("a.npy", as_bytes(np.save, GOOD[:99]), [], "99 rows, at least 100 are needed"),
    ("a.npy", b"", [], "not a sound .npy file of numbers"),
    ("a.npz", b"PK\x03\x04 and no more", [], "not a sound .npz file of numbers"),
    ("a.npz", as_bytes(np.savez, a=GOOD, b=GOOD), [], "it holds 2 arrays, none of which is named samples"),
    ("a.csv", b"x,y\n1,two\n" * NUMBER, [], "not real numbers"),
    ("a.csv", b"1,2\n" * NUMBER + b"1,2,3\n", [], "not a sound .csv file of numbers"),
    ("a.csv", b"\xff\xfe\n", [], "not a sound .csv file of numbers"),
    ("a.csv", pd.DataFrame(GOOD).to_csv().encode(), [], "a.csv gives (400, 3), not (N, 2)"),
    ("a.txt", b"1,2\n" * NUMBER, [], "ends with none of .npz, .npy, .csv"),
    ("a.npy", as_bytes(np.save, GOOD), ["-o", 11], "observation = 11: task two_moons has observations 1 to"),
    ("a.npy", as_bytes(np.save, GOOD), ["-o", 2], "one file is of one observation; name it by --observation"),
    (
        "a.npy",
        as_bytes(np.save, GOOD),
        ["--name", "npe"],
        "name = 'npe': a method of this name",
    ),
    ("a.npy", as_bytes(np.save, GOOD), ["--name", "a\x1b[31m"], "name = 'a\\x1b[31m': a letter"),
    ("a.npy", as_bytes(np.save, GOOD), ["--metrics", "sbc_ks"], "it needs a method that can sample at other"),
    ("a.npy", as_bytes(np.save, GOOD), ["--metrics", "c2"], "unknown metric 'c2'"),
    ("a.npy", as_bytes(np.save, GOOD), ["-n", 0], "0 is not in the range"),
    ("a.npy", as_bytes(np.save, GOOD), ["--train-seconds", "nan"], "nan is not a finite number"),
]


@pytest.mark.parametrize(("name", "content", "options", "words"), CASES)
def test_what_cannot_be_scored_is_one_line(scorebench, tmp_path, name, content, options, words):
    (tmp_path / name).write_bytes(content)
    result = scorebench("score", "two_moons", name, "--name", "theirs", "-o", 1, "--out", "out", *options)
    assert (result.status, result.out) == (2, "")
    [line] = result.err.splitlines()
    assert line.isprintable()
    assert words in line
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_observation_are_refused(scorebench, tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("theirs_1.npy", "theirs_01.npy"):
        np.save(tmp_path / "folder" / name, GOOD)
    result = scorebench("score", "two_moons", "folder", "--name", "theirs", "--out", "out")
    assert (result.status, len(result.err.splitlines())) == (2, 1)
    assert "are both of observation 1" in result.err


@pytest.mark.usefixtures("quick_classifiers")
def test_rows_made_elsewhere_have_no_posterior(scorebench):
    np.save("theirs.npy", draws(1))
    words = ["score", "two_moons", "theirs.npy", "--name", "theirs", "-o", 1, "--metrics", "mmd2"]
    scorebench(*words, "--out", "out")
    with pytest.raises(UsageError, match="two_moons theirs cannot be fitted again: UnknownMethodError"):
        Store("out").posterior(method="theirs")
