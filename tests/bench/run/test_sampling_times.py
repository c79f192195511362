"""Sampling times of methods: which are measured, which are left out with a reason, which are kept."""

import pytest

from bench.clock.load import LIMIT
from bench.errors import UsageError
from bench.results.store import Store
from bench.run import sampling_times as module
from bench.run.grid import read_grid
from bench.run.sampling_times import Request, sampling_times, timed_rows, times_table


def request(**changes):
    wanted = {"tasks": ["two_moons"], "methods": ["prior", "rejection_abc"], "num_simulations": [100]}
    wanted |= {"seeds": [0], "num_samples": [1, 50], "batch_sizes": [1, 3], "devices": ["cpu"]}
    return Request(**wanted | {"threads": 1, "max_seconds": 10.0} | changes)


def cell(method="prior"):
    [one] = request(methods=[method]).fits()
    return one


@pytest.fixture
def in_this_process(monkeypatch):
    """Start no processes: what is patched here is known to the work, and nothing is imported again."""
    monkeypatch.setattr(module.isolation, "isolated", lambda work, *given, workers: work(*given))


@pytest.mark.slow
@pytest.mark.subprocess
def test_every_combination_has_a_row_and_is_timed_once(tmp_path):
    said, store = [], Store(tmp_path)
    rows = sampling_times(request(), store, said.append)
    shapes = [(1, 1), (50, 1), (1, 3), (50, 3)]
    assert list(zip(rows["num_posterior_samples"], rows["batch_size"], strict=True)) == shapes * 2
    assert rows["method"].tolist() == ["prior"] * 4 + ["rejection_abc"] * 4
    # Other programs on this machine may be busy.
    exclusive = rows["foreign_load"] <= LIMIT
    assert rows["timing"].tolist() == exclusive.map({True: "exclusive", False: "shared"}).tolist()
    assert set(rows["threads"]) == {1}
    assert set(rows["dtype"]) == {"float32"}
    assert (rows[["simulate_s", "train_s", "sample_s", "sample_s_raw"]] > 0).all(axis=None)
    assert len(said) == 2
    again = sampling_times(request(), store, said.append)
    assert len(said) == 2
    assert again["started_at"].tolist() == rows["started_at"].tolist()


def test_a_timing_is_no_cell_of_a_grid():
    grid = read_grid(None, {"task": ["two_moons"], "method": ["prior"], "num_simulations": [100]})
    assert grid.cells()[0].key != module._key(cell(), (10_000, 1))


@pytest.mark.usefixtures("in_this_process")
def test_another_model_of_the_device_is_timed_again(tmp_path, monkeypatch):
    said, store = [], Store(tmp_path)
    wanted = request(methods=["prior"], num_samples=[5], batch_sizes=[1])
    for model in ("GPU A", "GPU B", "GPU A"):
        monkeypatch.setattr(module, "device_name", lambda device, model=model: model)
        sampling_times(wanted, store, said.append)
    assert len(said) == 2
    assert len(store.read()) == 2


def test_what_would_take_too_long_says_so(monkeypatch):
    seconds = {10: 1.0, 20: 2.0, 1000: 100.0}

    def measured(posterior, x, num_samples, cell):
        return {"sample_s": seconds[num_samples]}

    monkeypatch.setattr(module, "_measured", measured)
    rows = timed_rows(cell(), [(10, 1), (20, 1), (1000, 1)], max_seconds=50.0)
    assert [row["status"] for row in rows] == ["ok", "ok", "timeout"]
    assert rows[2]["error"] == "not run: 100 s predicted from fewer samples, more than 50 s"


def test_what_was_left_out_is_tried_under_another_limit(tmp_path):
    store, key = Store(tmp_path), "abc"
    store.write_cell(key, [{"num_observation": 1, "status": "timeout", "error": "not run: more than 50 s"}])
    assert module._done(store, key, 50.0)
    assert not module._done(store, key, 60.0)


def test_a_fit_that_fails_is_a_row_for_each_shape():
    rows = timed_rows(cell("exact_score[bandwidth=manual,theta_bandwidth=1,x_bandwidth=1]"), [(5, 1)], 1.0)
    assert rows[0]["status"] == "ok"
    [one] = request(methods=["denoiser"], num_simulations=[5]).fits()
    rows = timed_rows(one, [(5, 1), (6, 1)], 1.0)
    assert [row["status"] for row in rows] == ["error"] * 2
    assert "at least 20" in rows[0]["error"]


@pytest.mark.usefixtures("in_this_process")
def test_ratios_are_to_npe_of_the_same_call(tmp_path):
    store = Store(tmp_path)
    rows = sampling_times(request(batch_sizes=[1]), store, lambda line: None)
    rows.loc[rows["method"] == "rejection_abc", ["method", "params"]] = ["npe", "{}"]
    rows["timing"] = "exclusive"  # whatever other programs on this machine do
    rows["sample_s_raw"] = [1.0, 2.0, 4.0, 16.0]
    lines = [line.split() for line in times_table(rows).splitlines()]
    header, *body = lines
    found = {(line[header.index("samples")], line[header.index("method")]): line[-1] for line in body}
    assert found == {("1", "prior"): "0.25", ("1", "npe"): "1", ("50", "prior"): "0.125", ("50", "npe"): "1"}


def test_calls_that_memory_would_limit_are_not_made():
    assert request(num_samples=[1, 1_000_000], batch_sizes=[1, 1000]).shapes() == [
        (1, 1),
        (1_000_000, 1),
        (1, 1000),
    ]


def test_nothing_left_to_time(tmp_path):
    with pytest.raises(UsageError, match="ask for fewer"):
        sampling_times(request(num_samples=[10**8]), Store(tmp_path), print)
