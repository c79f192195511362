"""``scorebench run --keep samples``, and the samples and posteriors that rows give afterwards."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import tasks
from bench.commands.main import cli, main
from bench.errors import UsageError
from bench.results.store import Store
from bench.run.fit_and_sample import fingerprint
from methods.contract.registry import method_class

METHODS = ("rejection_abc", "reference")
WORDS = ["-t", "two_moons", "-n", "150", "--num-samples", "80", "--metrics", "mmd2"]


def run(out, *more, methods=METHODS, here=True, observations=(1, 2)):
    """Run the command in this process and return its exit status, with output and errors."""
    words = ["run", *WORDS, "--out", str(out), *more]
    words += [word for method in methods for word in ("-m", method)]
    words += [word for k in observations for word in ("-o", str(k))]
    words += ["--backend", "sequential"] if here else []
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


def rows_of(out):
    return Store(out).read().sort_values(["method", "num_observation"], ignore_index=True)


def assert_kept(out, number, num_rows):
    """Every row has its samples, and what belongs to no row is not there."""
    store, rows = Store(out), rows_of(out)
    assert (rows["status"] == "ok").all()
    assert len(rows) == num_rows
    for row in rows.itertuples():
        kept = store.samples(cell=row.cell, num_observation=row.num_observation)
        assert kept.dtype == torch.float32
        assert kept.shape == (min(number, row.num_posterior_samples), 2)
        if number >= row.num_posterior_samples:
            assert fingerprint(kept) == row.samples_sha256
    assert {path.name for path in (out / "samples").iterdir()} == {f"{cell}.npz" for cell in rows["cell"]}


def test_the_first_samples_of_each_row_are_kept(tmp_path):
    out = tmp_path / "out"
    assert run(out, "--keep", "samples")[0] == 0
    assert_kept(out, 2000, 4)
    few = tmp_path / "few"
    assert run(few, "--keep", "samples", "--keep-samples", "30")[0] == 0
    assert_kept(few, 30, 4)
    named = {"task": "two_moons", "method": "rejection_abc", "num_observation": 2}
    assert torch.equal(Store(few).samples(**named), Store(out).samples(**named)[:30])


def test_samples_asked_for_later_are_drawn_again_and_rows_stay(tmp_path):
    out = tmp_path / "out"
    assert run(out)[0] == 0
    before = rows_of(out)
    assert not (out / "samples").exists()
    with pytest.raises(UsageError, match="no samples are kept of two_moons rejection_abc, observation 2"):
        Store(out).samples(method="rejection_abc", num_observation=2)
    _, dry = run(out, "--keep", "samples", "--dry-run")
    assert "2 cells have complete rows, and are fitted again for samples to keep" in dry
    status, printed = run(out, "--keep", "samples")
    assert (status, "ran 2 cells, 0 failed" in printed) == (0, True)
    assert_kept(out, 2000, 4)
    assert rows_of(out).equals(before)
    assert "nothing to do" in run(out, "--keep", "samples")[1]
    # Without the option, kept samples stay.
    assert "nothing to do" in run(out)[1]
    assert_kept(out, 2000, 4)


def test_only_what_is_missing_is_made_again(tmp_path):
    """A new observation is a row with samples, an old one gets samples, and more samples replace fewer."""
    out = tmp_path / "out"
    run(out, observations=[1])
    started = rows_of(out)["started_at"]
    run(out, "--keep", "samples", "--keep-samples", "10", observations=[1, 2])
    assert_kept(out, 10, 4)
    assert set(started) <= set(rows_of(out)["started_at"])
    files = {path: path.stat().st_mtime_ns for path in (out / "samples").iterdir()}
    run(out, "--keep", "samples", "--keep-samples", "5")
    assert files == {path: path.stat().st_mtime_ns for path in (out / "samples").iterdir()}
    run(out, "--keep", "samples", "--keep-samples", "50")
    assert_kept(out, 50, 4)
    next(iter(files)).unlink()
    assert "ran 1 cells" in run(out, "--keep", "samples", "--keep-samples", "50")[1]
    assert_kept(out, 50, 4)


def test_a_row_that_failed_has_no_samples(tmp_path, plugin):
    out = tmp_path / "out"
    words = ["--keep", "samples", "--plugin", plugin]
    assert run(out, *words, methods=["nan_samples", "prior"])[0] == 1
    [file] = (out / "samples").iterdir()
    assert file.stem == rows_of(out).set_index("method").loc["prior", "cell"].iloc[0]


@pytest.mark.parametrize("how", ["row", "code"])
def test_samples_with_another_fingerprint_are_not_kept(tmp_path, how, monkeypatch):
    out = tmp_path / "out"
    run(out)
    store = Store(out)
    if how == "row":
        cell = rows_of(out)["cell"].iloc[0]
        row = store.rows(cell)[0]
        store.write_cell(cell, [row | {"samples_sha256": "0" * 64, "torch_version": "1.0"}])
        wrong = {row["method"]: [row["num_observation"]]}
    else:
        monkeypatch.setattr("bench.run.cell.Cell.seed_for", lambda *words: 5)
        wrong = {"rejection_abc": [1, 2], "reference": [1, 2]}
    before = rows_of(out)
    status, printed = run(out, "--keep", "samples")
    assert status == 1
    for method, observations in wrong.items():
        for k in observations:
            line = f"two_moons {method} n=150 seed=0, observation {k}: samples drawn again are not those of"
            assert line in printed
            with pytest.raises(UsageError, match="no samples are kept"):
                store.samples(method=method, num_observation=k)
    assert ("changed since: the torch" in printed) == (how == "row")
    assert rows_of(out).equals(before)


def test_samples_of_a_row_that_is_replaced_are_not_its_samples(tmp_path):
    out = tmp_path / "out"
    run(out, "--keep", "samples", methods=["rejection_abc"])
    store = Store(out)
    [cell] = rows_of(out)["cell"].unique()
    _, second = store.rows(cell)
    store.write_cell(cell, [second | {"samples_sha256": "f" * 64}])
    assert len(store.samples(num_observation=1)) == 80
    with pytest.raises(UsageError, match="no samples are kept"):
        store.samples(num_observation=2)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_a_corrupt_file_of_samples_is_replaced(tmp_path, content):
    out = tmp_path / "out"
    run(out, "--keep", "samples")
    file = sorted((out / "samples").iterdir())[0]
    file.write_bytes(content)
    assert "ran 1 cells, 0 failed" in run(out, "--keep", "samples")[1]
    assert_kept(out, 2000, 4)


def test_rows_stay_if_the_method_fails_now(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise ValueError("on purpose")

    out = tmp_path / "out"
    run(out)
    before = rows_of(out)
    monkeypatch.setattr(method_class("rejection_abc"), "fit", fails)
    status, printed = run(out, "--keep", "samples")
    assert status == 1
    line = "observation 2: no samples are kept, its row is unchanged (ValueError: on purpose)"
    assert f"two_moons rejection_abc n=150 seed=0, {line}" in printed
    assert rows_of(out).equals(before)
    assert len(Store(out).samples(method="reference", num_observation=2)) == 80


HANGING = """
import os
import time

from methods import Method, Posterior, register_method


class Kept(Posterior):
    def __init__(self, theta):
        self.theta, self.calls = theta, 0

    def sample(self, sample_shape, x):
        self.calls += 1
        if "HANGS" in os.environ and self.calls == 2:
            time.sleep(3600)
        return self.theta[: sample_shape[0]]


@register_method("hanging")
class Hanging(Method):
    def warm_up(self, device="cpu"):
        pass

    def fit(self, prior, theta, x, device="cpu", seed=0):
        return Kept(theta)
"""


@pytest.mark.slow
@pytest.mark.subprocess
def test_what_was_drawn_before_the_time_limit_is_kept(tmp_path, monkeypatch):
    out, plugin = tmp_path / "out", tmp_path / "hanging.py"
    plugin.write_text(HANGING)
    words = ["--plugin", str(plugin), "--cell-timeout", "15"]
    assert run(out, *words, methods=["hanging"], here=False)[0] == 0
    before = rows_of(out)
    monkeypatch.setenv("HANGS", "1")
    status, printed = run(out, *words, "--keep", "samples", methods=["hanging"], here=False)
    assert status == 1
    assert "observation 2: no samples are kept, its row is unchanged (OutOfTimeError: not done" in printed
    assert len(Store(out).samples(num_observation=1)) == 80
    with pytest.raises(UsageError, match="no samples are kept"):
        Store(out).samples(num_observation=2)
    assert rows_of(out).equals(before)


def test_a_grid_file_has_the_same_keys(tmp_path):
    grid = tmp_path / "grid.yaml"
    grid.write_text("keep: samples\nkeep_samples: 7\n")
    assert run(tmp_path / "out", str(grid))[0] == 0
    assert_kept(tmp_path / "out", 7, 4)


def test_a_number_without_samples_to_keep_is_refused(tmp_path):
    with pytest.raises(UsageError, match="keep-samples is the number of samples for keep: samples"):
        run(tmp_path / "out", "--keep-samples", "7")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_loses_no_row(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full)
        status, printed = run(out, "--keep", "samples", methods=["rejection_abc"])
    assert status == 1
    assert ".npz could not be written (No space left on device)" in printed
    assert rows_of(out)["num_observation"].tolist() == [1, 2]
    assert not list((out / "samples").iterdir())
    run(out, "--keep", "samples", methods=["rejection_abc"])
    assert_kept(out, 2000, 2)


@pytest.mark.slow
@pytest.mark.subprocess
def test_two_jobs_keep_the_same_samples(tmp_path):
    run(tmp_path / "one", "--keep", "samples", methods=["prior", *METHODS])
    run(tmp_path / "two", "--keep", "samples", "--jobs", "2", methods=["prior", *METHODS], here=False)
    for out in ("one", "two"):
        assert_kept(tmp_path / out, 2000, 6)
    assert rows_of(tmp_path / "one")["samples_sha256"].equals(rows_of(tmp_path / "two")["samples_sha256"])


@pytest.mark.slow
@pytest.mark.cluster
def test_workers_of_dask_keep_samples(tmp_path):
    pytest.importorskip("distributed")
    run(tmp_path / "out", observations=[1])
    run(tmp_path / "out", "--keep", "samples", "--backend", "dask", here=False)
    assert_kept(tmp_path / "out", 2000, 4)


# Runs the command in a fork, which has imported everything, and kills it at a random time, 10 times.
KILLS = """
import os, random, shutil, signal, sys, time
from pathlib import Path
import numpy as np
from bench.commands.main import cli

out, words, rng, numbers = Path(sys.argv[1]), sys.argv[2:], random.Random(0), set()
cli.main([*words, "--out", str(out.with_name("warm"))], standalone_mode=False)
for _ in range(10):
    shutil.rmtree(out / "samples", ignore_errors=True)
    child = os.fork()
    if not child:
        os._exit(cli.main([*words, "--out", str(out)], standalone_mode=False))
    end = time.monotonic() + 60
    while not (out / "samples").exists() and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    files = list((out / "samples").glob("*.npz"))
    numbers.add(len(files))
    for file in files:
        with np.load(file, allow_pickle=False) as arrays:
            assert all(len(arrays[f"samples_{k}"]) == 80 for k in arrays["num_observation"])
assert len(numbers) > 1, numbers  # the kills were at different stages
"""


@pytest.mark.slow
@pytest.mark.subprocess
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_kills_leave_whole_files(tmp_path):
    out = tmp_path / "out"
    run(out, methods=["prior"])  # complete rows, whose samples are missing
    methods = ["prior", "rejection_abc[num_accepted=[50,60,70,80]]"]
    words = ["run", *WORDS, "--keep", "samples", "--backend", "sequential", "-o", "1", "-o", "2"]
    words += [word for method in methods for word in ("-m", method)]
    killed = subprocess.run([sys.executable, "-c", KILLS, str(out), *words], capture_output=True, text=True)
    assert killed.returncode == 0, killed.stderr[-2000:]
    assert run(out, "--keep", "samples", methods=methods)[0] == 0
    assert_kept(out, 2000, 10)


@pytest.mark.parametrize(
    ("method", "simulations"),
    [
        ("prior", "kept"),
        ("rejection_abc", "kept"),
        ("rejection_abc", "made again"),
        ("reference", "kept"),
        ("exact_score[steps=5]", "kept"),
        pytest.param("npe[max_num_epochs=1]", "kept", marks=pytest.mark.slow),
        pytest.param("exact_score_net[num_labels=200,training_steps=5]", "kept", marks=pytest.mark.slow),
    ],
)
def test_a_posterior_gives_the_samples_of_its_rows(tmp_path, method, simulations):
    out = tmp_path / "out"
    run(out, methods=[method])
    if simulations == "made again":
        shutil.rmtree(out / "simulations")
    before = sorted(out.rglob("*"))
    torch.manual_seed(3)
    state = torch.get_rng_state()
    posterior = Store(out).posterior(task="two_moons", method=method, num_simulations=150, seed=0)
    for row in reversed(list(rows_of(out).itertuples())):
        assert fingerprint(posterior.row_samples(row.num_observation)) == row.samples_sha256
    assert torch.equal(torch.get_rng_state(), state)
    assert sorted(out.rglob("*")) == before
    if method != "reference":
        x_o = tasks.get("two_moons").observation(3)
        assert posterior.sample((10,), x=x_o).shape == (10, 2)
    with pytest.raises(UsageError, match="no good row of observation 3; there are 1, 2"):
        posterior.row_samples(3)


def test_a_posterior_of_another_fingerprint_is_refused(tmp_path):
    out = tmp_path / "out"
    run(out, methods=["rejection_abc"])
    store = Store(out)
    row = store.rows(rows_of(out)["cell"].iloc[0])[0]
    store.write_cell(row["cell"], [row | {"samples_sha256": "0" * 64}])
    posterior = store.posterior(method="rejection_abc")
    with pytest.raises(UsageError, match="samples drawn again are not those of the row"):
        posterior.row_samples(row["num_observation"])
    store.write_cell(row["cell"], [one | {"method_version": "0"} for one in store.rows(row["cell"])])
    with pytest.raises(UsageError, match="the row is of rejection_abc@0, but rejection_abc is of version"):
        store.posterior(method="rejection_abc")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "4 rows fit; method is one of reference, rejection_abc: name one"),
        ({"method": "rejection_abc"}, "2 rows fit; num_observation is one of 1, 2: name one"),
        ({"method": "rejection_ab"}, "no row with method = 'rejection_ab'; did you mean 'rejection_abc'?"),
        ({"task": "sir"}, "no row with task = 'sir'; known: two_moons"),
        ({"num_observation": 9}, "no row with num_observation = 9; there are 1, 2"),
        ({"method": "reference", "seed": 4}, "no row with seed = 4; there are 0"),
        ({"cell": "nothing"}, "no cell 'nothing' there"),
    ],
)
def test_a_row_that_is_not_named_is_explained(named, words, complete):
    with pytest.raises(UsageError) as error:
        Store(complete).samples(**named)
    assert words in str(error.value)


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    out = tmp_path_factory.mktemp("complete") / "out"
    run(out, "--keep", "samples")
    return out


def test_a_word_that_cannot_be_kept_is_one_line(tmp_path, monkeypatch, capfd):
    words = ["scorebench", "run", *WORDS, "-m", "prior", "--keep", "weights", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    [line] = capfd.readouterr().err.splitlines()
    assert "keep = 'weights'" in line
    assert "samples" in line
