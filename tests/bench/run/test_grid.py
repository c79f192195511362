from pathlib import Path

import pytest
import torch

import bench
from bench.errors import UsageError
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
