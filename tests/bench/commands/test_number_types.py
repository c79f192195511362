"""Numbers as users write them: ``1e3``, ``1-3``, ``-1`` for all cores and ``all`` threads."""

import click
import pytest
from click.testing import CliRunner

from bench.commands.main import cli
from bench.commands.number_types import JOBS, Number, Numbers, flat
from bench.run.grid import read_grid
from bench.written_numbers import number_range, whole_number


def options(words):
    """The options that click reads from the words of ``scorebench run``."""
    return cli.commands["run"].make_context("run", words).params


def test_a_run_takes_short_forms(monkeypatch):
    monkeypatch.setattr("bench.run.grid.cpu_count", lambda: 6)
    words = "-t sir -m prior -n 1e3 -n 2.5e4 -o 1-3 -o 5 -o 2 -s 0-2 --num-samples 1e2 --jobs -1"
    given = {key: list(v) if isinstance(v, tuple) else v for key, v in options(words.split()).items()}
    given = {key: value for key, value in given.items() if value not in (None, [], False)}
    grid = read_grid(None, given)
    assert (grid.num_simulations, grid.observation, grid.seed) == ([1000, 25000], [1, 2, 3, 5], [0, 1, 2])
    assert (grid.num_samples, grid.jobs, grid.options.jobs) == (100, 6, 6)


def test_a_grid_file_takes_them_too(tmp_path):
    text = "task: sir\nmethod: prior\nnum-simulations: 1e3\nobservation: [1-2, 4]\nseed: 0-1\n"
    (tmp_path / "grid.yaml").write_text(text)
    grid = read_grid(tmp_path / "grid.yaml", {})
    assert (grid.num_simulations, grid.observation, grid.seed) == ([1000], [1, 2, 4], [0, 1])


def test_all_threads_are_a_jobs_share_of_the_cores(monkeypatch):
    monkeypatch.setattr("bench.run.threads.cpu_count", lambda: 8)
    for jobs, share in ((1, 8), (3, 2), (20, 1)):
        [cell] = read_grid(None, {"task": "sir", "method": "prior", "threads": "all", "jobs": jobs}).cells()
        assert (cell.threads, cell.scoring_threads) == (share, share)


@click.command()
@click.option("-o", multiple=True, type=Numbers(1, 9), callback=flat, default=[1, 2])
@click.option("--jobs", type=JOBS, default=1)
@click.option("--size", type=Number(10, 5000), default=1000)
def command(o, jobs, size):
    click.echo(f"{o} {jobs} {size}")


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("", "(1, 2) 1 1000"),
        ("-o 3-5 -o 7 --jobs 2 --size 5e3", "(3, 4, 5, 7) 2 5000"),
        ("-o 7-10", "10 is not in the range 1<=x<=9"),
        ("-o 0-2", "0 is not in the range 1<=x<=9"),
        ("-o 5-3", "the range 5-3 is empty; the smaller number comes first"),
        ("-o 1-3-5", "'1-3-5' is not a valid integer"),
        ("--jobs 0", "0 is not a number of jobs: 1 or more, or -1 for all cores"),
        ("--jobs -2", "-2 is not a number of jobs"),
        ("--size 1e9", "1000000000 is not in the range 10<=x<=5000"),
        ("--size 1e-3", "'1e-3' is not a valid integer"),
        ("--size nan", "'nan' is not a valid integer"),
    ],
)
def test_numbers_and_ranges_of_options(words, printed):
    assert printed in CliRunner().invoke(command, words.split()).output


def test_minus_one_job_is_one_for_each_core(monkeypatch):
    monkeypatch.setattr("bench.run.threads.cpu_count", lambda: 7)
    assert CliRunner().invoke(command, ["--jobs", "-1"]).output == "(1, 2) 7 1000\n"


@pytest.mark.parametrize("value", ["1e999999999", "-1e400", "1e31", "inf", "", "1_", True, None, [1], 0.5])
def test_what_is_no_whole_number_is_left_as_it_is(value):
    assert whole_number(value) is value


def test_a_range_that_is_too_long_is_refused():
    assert len(number_range("1-1000000")) == 1_000_000
    with pytest.raises(ValueError, match="more than 1000000 numbers"):
        number_range("0-1000000")


def test_one_and_all_threads_of_the_time_command(monkeypatch):
    asked = []
    monkeypatch.setattr("bench.run.threads.cpu_count", lambda: 5)
    monkeypatch.setattr(
        "bench.run.sampling_times.sampling_times", lambda request, *_, **__: asked.append(request.threads)
    )
    for words in (["--threads", "1"], ["--threads", "all"]):
        CliRunner().invoke(cli, ["time", *words], standalone_mode=False)
    assert asked == [1, 5]
