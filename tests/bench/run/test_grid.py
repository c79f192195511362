import os
import random
import time
from pathlib import Path

import pytest
import torch
import yaml

import bench
from bench.errors import UsageError
from bench.results.store import Store
from bench.run.forecast import forecast
from bench.run.grid import read_grid


def test_a_file_and_options_that_win(tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text("task: two_moons\nmethod: [prior, rejection_abc]\nnum-simulations: [10, 20]\nseed: 3\n")
    grid = read_grid(file, {"num_simulations": [30], "jobs": 2})
    assert grid.num_simulations == [30]
    assert grid.seed == [3]
    assert [cell.timing for cell in grid.cells()] == ["shared", "shared"]


def test_a_grid_is_the_product_of_its_axes():
    options = {
        "task": ["two_moons", "sir"],
        "method": ["npe[density_estimator=[maf,nsf]]", "prior", "npe"],
        "num_simulations": [10, 20],
        "seed": [0, 1],
        "observation": [2, 1, 2],
    }
    cells = read_grid(None, options).cells()
    assert len(cells) == 2 * 3 * 2 * 2  # npe equals npe[density_estimator=nsf]
    assert len({cell.key for cell in cells}) == len(cells)
    assert cells[0].observations == (2, 1)
    assert cells[0].timing == "exclusive"


def test_all_observations_without_a_choice():
    [cell] = read_grid(None, {"task": "sir", "method": "prior"}).cells()
    assert cell.observations == tuple(range(1, 11))


def test_the_shipped_grids_are_valid():
    files = sorted((Path(bench.__file__).parent / "grids").glob("*.yaml"))
    assert files
    for file in files:
        assert read_grid(file, {}).cells()


GOOD = {"task": ["two_moons"], "method": ["prior"]}
BAD = [
    ({"task": ["two_mons"]}, "unknown task 'two_mons'; did you mean 'two_moons'?"),
    ({"method": ["nppe"]}, "unknown method 'nppe'; did you mean 'npe'?"),
    ({"method": ["npe[layers=3]"]}, "unknown parameter 'layers'"),
    ({"num_simulations": [0]}, "num-simulations = 0: input should be greater than or equal to 1"),
    ({"num_simulations": [1.5]}, "num-simulations = 1.5: input should be a valid integer"),
    ({"num_simulations": ["many"]}, "num-simulations = 'many'"),
    ({"num_simulations": [True]}, "num-simulations = True"),
    ({"num_simulations": []}, "num-simulations = []"),
    ({"seed": [-1]}, "seed = -1"),
    ({"observation": [11]}, "observation = 11: task two_moons has observations 1 to 10"),
    ({"observation": [0]}, "observation = 0: task two_moons has observations 1 to 10"),
    ({"num_samples": 0}, "num-samples = 0"),
    ({"jobs": 0}, "jobs = 0"),
    ({"device": "tpu"}, "device = 'tpu': input should be 'cpu' or 'cuda'"),
    ({"simulations": 5}, "unknown key 'simulations'; did you mean 'num-simulations'?"),
    ({"plugin": ["missing.py"]}, "missing.py"),
    ({"task": [5]}, "task = 5"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_values_are_named_in_one_line(change, message):
    with pytest.raises(UsageError) as caught:
        read_grid(None, GOOD | change).cells()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_where_there_is_none():
    with pytest.raises(UsageError, match="no CUDA device"):
        read_grid(None, GOOD | {"device": "cuda"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"# nothing\n", "empty"),
        (b"- two_moons\n", "should map"),
        (b"two_moons", "should map"),
        (b"task: [two_moons\nmethod: x", "line 2: not YAML"),
        (b"\xff\xfe\x00", "not"),
        (b"task: two_moons\nmethod: prior\nbudget: 10\n", "unknown key 'budget'"),
        (b"task: two_moons\n", "no method given"),
        (b"method: prior\n", "no task given"),
        (b"task: {a: 1}\nmethod: prior\n", "task"),
        (b"task: !!python/object/apply:os.getcwd []\nmethod: prior\n", "not YAML"),
        (b"1: 2\n", "should map"),
        (b"on: 2\n", "should map"),
        (b"task: sir\nmethod: prior\ntask: slcp\n", "line 3: 'task' is given twice"),
        (b"task: sir\nmethod: prior\nnum_samples: 5\nnum-samples: 5\n", "two spellings of one key"),
        (b"task: sir\nmethod: prior\nseed: 010\n", "line 3: 010 is 8"),
        (b"task: sir\nmethod: prior\nnum-simulations: 10:00\n", "line 3: 10:00 is a number in base 60"),
        (b"task: sir\nmethod: prior\nseed: 99999999999999999999\n", "beyond 64 bits"),
        (b"task: sir\nmethod: prior\ncell-timeout: .inf\n", "cell-timeout = inf"),
        (b"task: sir\nmethod: prior\ncell-timeout: 1.0e+400\n", "beyond the largest number"),
        (b"task: sir\nmethod: prior\nout: ~\n", "out = None"),
        (b'task: sir\nmethod: prior\nout: "a\\0b"\n', "null character"),
        (b'task: sir\nmethod: prior\nout: "\\ud800"\n', "a character that is not text"),
        (b'task: sir\nmethod: prior\nplugin: "a\\0b"\n', "null character"),
        (b"task: sir\nmethod: prior\nout: ~nobody_of_this_name/x\n", "no such user"),
        (b"task: &a [*a]\nmethod: prior\n", "inside of what it names"),
        (b"task: " + b"[" * 500, "nested more than"),
        (b"#" * 1_000_001, "larger than 1000000 bytes"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, content, message):
    file = tmp_path / "grid.yaml"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_grid(file, {})
    assert message in str(caught.value)
    assert "grid.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pipe_or_a_device_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero")):
        with pytest.raises(UsageError, match="not a regular file"):
            read_grid(path, {})


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000])
def test_a_name_that_no_file_has(name):
    with pytest.raises(UsageError, match=r"grid.*(null character|not text|too long)"):
        read_grid(Path(name), {})


def test_what_is_written_is_what_is_meant(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "grid.yaml"
    file.write_text(
        "\ufefftask: sir\nmethod: prior\nnum_simulations: 10_000\nout: ~/2026-11-26\nplugin: ~/own.py\n",
        encoding="utf-8",
    )
    grid = read_grid(file, {})
    assert (grid.num_simulations, grid.out) == ([10_000], tmp_path / "2026-11-26")
    assert grid.plugin == [str(tmp_path / "own.py")]
    assert read_grid(None, GOOD | {"out": "2026-11-26"}).out == Path("2026-11-26").absolute()


def test_cells_are_counted_before_they_are_made():
    steps = ",".join(map(str, range(2, 1002)))
    start = time.perf_counter()
    with pytest.raises(UsageError) as caught:
        read_grid(
            None, GOOD | {"method": [f"exact_score[steps=[{steps}]]"], "seed": list(range(1001))}
        ).cells()
    assert time.perf_counter() - start < 5
    assert "1 tasks x 1000 methods x 1 budgets x 1001 seeds are 1001000 cells" in str(caught.value)


def test_a_plan_of_many_cells_is_quick(tmp_path):
    many = {"method": ["prior", "npe[density_estimator=[maf,nsf]]"], "seed": list(range(10_000))}
    start = time.process_time()
    lines = forecast(read_grid(None, GOOD | many).cells(), Store(tmp_path), 1)
    # A tenth of this is usual; with one look into YAML for each cell it is 40 s.
    assert time.process_time() - start < 15
    assert lines[-2].startswith("30000 cells: 0 done")
    assert lines[-1].endswith("at --jobs 1")


def test_a_missing_file_or_a_directory(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_grid(tmp_path / "none.yaml", {})
    with pytest.raises(UsageError, match="directory"):
        read_grid(tmp_path, {})


def test_a_plugin_that_raises(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("raise RuntimeError('on purpose')")
    with pytest.raises(UsageError, match=r"bad\.py: RuntimeError: on purpose"):
        read_grid(None, GOOD | {"plugin": [str(file)]}).cells()


KEYS = ["task", "method", "num-simulations", "num_simulations", "seed", "observation", "num-samples", "jobs"]
KEYS += [
    "calibration",
    "out",
    "threads",
    "cell-timeout",
    "backend",
    "address",
    "device",
    "plugin",
    "budget",
    "on",
]
VALUES = [
    "sir",
    "two_moons",
    "prior",
    "npe",
    "'npe[density_estimator=maf]'",
    "1",
    "1000",
    "-1",
    "0",
    "1e4",
    "010",
]
VALUES += ["10:00", "1_000", ".inf", ".nan", "~", "", "yes", "2026-11-26", "99999999999999999999", "1.0e+400"]
VALUES += [
    "[1, 2]",
    "[sir, sir]",
    "{a: 1}",
    "!!int x",
    "&a [*a]",
    "*a",
    "\t",
    '"\\0"',
    '"\\ud800"',
    "local",
    "dask",
    "cpu",
]
VALUES += [
    "'\\x1b[1m'",
    "[" * 40,
    "- x",
    "a: b",
    "|",
    ">",
    "%",
    "@",
    "#",
    "''",
    "<<",
    "{<<: 3}",
    "'npe[a='",
    "x" * 300,
]
LINES = [
    "",
    "---",
    "...",
    "  - 1",
    "\t",
    "%YAML 1.1",
    "? x",
    "\x07",
    "\ufeff",
    "- a",
    "<<: {task: sir}",
    "&a a: *a",
]


def test_any_text_gives_a_grid_or_one_line(tmp_path):
    """Each text is a good grid with lines added, lost or replaced."""
    rng = random.Random(0)  # noqa: S311
    file, said, grids = tmp_path / "grid.yaml", set(), 0
    for _ in range(2000):
        lines = ["task: sir", "method: prior", "num-simulations: [10, 20]", f"seed: {rng.randrange(9)}"]
        for _ in range(rng.randrange(4)):
            place = rng.randrange(len(lines) + 1)
            new = rng.choice(LINES) if rng.random() < 0.2 else f"{rng.choice(KEYS)}: {rng.choice(VALUES)}"
            lines[place : place + rng.randrange(2)] = [new]
        file.write_text("\n".join(lines), encoding="utf-8")
        try:
            grid = read_grid(file, {})
            grids += len(grid.cells()) > 0
        except UsageError as error:
            said.add(str(error))
    assert [line for line in said if len(line.splitlines()) != 1] == []
    assert grids > 300


def test_a_grid_is_read_as_pyyaml_reads_it_where_it_is_plain(tmp_path):
    for file in sorted((Path(bench.__file__).parent / "grids").glob("*.yaml")):
        values = {key.replace("-", "_"): value for key, value in yaml.safe_load(file.read_text()).items()}
        assert read_grid(file, {}) == read_grid(None, values)
