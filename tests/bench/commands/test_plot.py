"""``scorebench plot``: options, formats, captions, and one line for each mistake."""

import re
import shutil
import subprocess
import zlib

import numpy as np
import pytest
from click.testing import CliRunner

from bench.commands.main import cli
from bench.errors import UsageError
from bench.results.figures.figure import UnknownFigureError
from bench.results.store import Store

SUITE = [
    *("c2st_by_budget", "accuracy_by_time", "posterior", "predictive", "calibration", "times"),
    *("ranks", "wins", "profile"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, classifiers_replaced):
    """A directory with two tasks, four methods and two budgets, calibration, and kept samples."""
    path = tmp_path_factory.mktemp("plot") / "r"
    command = ["run", "-t", "two_moons", "-t", "sir", "-m", "prior", "-m", "rejection_abc", "-m", "reference"]
    command += [
        "-m",
        "rejection_abc[num_accepted=60]",
        "-n",
        "150",
        "-n",
        "300",
        "-o",
        "1-2",
        "--num-samples",
        "100",
        "--calibration",
        "100",
    ]
    command += ["--keep", "samples", "--backend", "sequential", "--out", str(path)]
    with classifiers_replaced():
        assert call(*command).return_value == 0
    return path


def call(*words):
    return CliRunner().invoke(
        cli, [str(word) for word in words], standalone_mode=False, catch_exceptions=False
    )


@pytest.mark.slow
def test_all_figures_in_all_formats(folder, tmp_path):
    result = call("plot", folder, "--format", "png, pdf,svg", "--caption", "--out", tmp_path)
    assert result.return_value == 0, result.output
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {f"{name}.{suffix}" for name in SUITE for suffix in ("png", "pdf", "svg", "txt")}
    assert "posterior shows" not in result.output
    for name in SUITE:
        svg = (tmp_path / f"{name}.svg").read_text()
        assert "<text" in svg, "text stays text"
        pdf = (tmp_path / f"{name}.pdf").read_bytes()
        assert b"/Type3" not in pdf
        assert b"/CreationDate" not in pdf
        caption = (tmp_path / f"{name}.txt").read_text()
        words = ["Tasks: ", "Simulations: ", "Seeds: 0.", "scorebench 0.1.0", "tasks sir@1", "rejection_abc@"]
        for word in words:
            assert word in caption, name
    assert "bars standard deviations" in (tmp_path / "c2st_by_budget.txt").read_text()
    if pdffonts := shutil.which("pdffonts"):
        for name in SUITE:
            command = [pdffonts, tmp_path / f"{name}.pdf"]
            fonts = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            assert "TrueType" in fonts
            assert "Type 3" not in fonts


def test_pdffonts_is_there():
    if not shutil.which("pdffonts"):
        pytest.skip("pdffonts (poppler-utils) is not installed; fonts were looked for in the bytes alone")


def test_the_same_figure_is_the_same_file(folder, tmp_path):
    for out in ("a", "b"):
        call("plot", folder, "wins", "ranks", "--format", "pdf,svg", "--out", tmp_path / out)
    for name in ("wins.pdf", "wins.svg", "ranks.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("width", [3.3, 6.75])
def test_a_picture_has_the_width_asked_for(folder, tmp_path, width):
    result = call("plot", folder, "times", "--width", width, "--format", "pdf,png", "--out", tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["times.pdf", "times.png"], result.output
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", (tmp_path / "times.pdf").read_bytes())
    assert float(box[1]) == pytest.approx(72 * width, abs=1)
    header = (tmp_path / "times.png").read_bytes()[16:20]
    assert int.from_bytes(header, "big") == pytest.approx(300 * width, abs=2)


def texts(path):
    """Texts of a picture in SVG."""
    return [
        re.sub(r"<[^>]*>", "", text)
        for text in re.findall(r"<text[^>]*>.*?</text>", path.read_text(), re.DOTALL)
    ]


def test_tasks_methods_and_budgets_are_chosen(folder, tmp_path):
    words = ["-t", "sir", "-m", "prior", "-n", "3e2", "--format", "svg", "--out", tmp_path]
    assert call("plot", folder, "c2st_by_budget", *words).return_value == 0
    shown = texts(tmp_path / "c2st_by_budget.svg")
    assert {"sir", "prior", "300 simulations", "reference (noise floor)"} <= set(shown)
    assert not {"two_moons", "rejection_abc", "150"} & set(shown)


def test_a_style_file(folder, tmp_path):
    style = tmp_path / "style.yaml"
    style.write_text("methods: {prior: {name: Guess <b>, color: '#123456'}}\ntasks: {sir: Epidemic}")
    for name in ("c2st_by_budget", "profile", "wins", "predictive"):  # others leave out the prior
        assert (
            call("plot", folder, name, "--style", style, "--format", "svg", "--out", tmp_path).return_value
            == 0
        )
        assert any("Guess &lt;b&gt;" in text for text in texts(tmp_path / f"{name}.svg"))
    assert "Epidemic" in texts(tmp_path / "c2st_by_budget.svg")
    assert "#123456" in (tmp_path / "c2st_by_budget.svg").read_text()


def test_published_results_are_hollow(folder, tmp_path):
    store = Store(folder)
    cells = {row["cell"]: store.rows(row["cell"]) for row in store.read().to_dict("records")}
    copy = Store(tmp_path / "r")
    for cell, rows in cells.items():
        copy.write_cell(
            cell, [row | {"num_simulations": 1000} for row in rows if row["num_simulations"] == 150]
        )
    words = ["--published", "SBIBM 2021", "-m", "prior", "-m", "npe", "--format", "svg", "--caption"]
    with pytest.raises(UsageError, match="method: no row of npe"):
        call("plot", tmp_path / "r", "c2st_by_budget", *words)
    words[words.index("npe")] = "rejection_abc"
    result = call("plot", tmp_path / "r", "c2st_by_budget", *words)
    assert result.return_value == 0, result.output
    figures = tmp_path / "r" / "figures"
    assert "REJ-ABC, sbibm 2021" in texts(figures / "c2st_by_budget.svg")
    assert "from sbibm 2021 (Lueckmann et al.)." in (figures / "c2st_by_budget.txt").read_text()
    words[words.index("rejection_abc")] = "prior"
    assert call("plot", tmp_path / "r", "c2st_by_budget", *words).return_value == 0
    assert "There are no published results of these" in (figures / "c2st_by_budget.txt").read_text()


def test_figures_without_a_place_for_published_results_say_so(folder, tmp_path):
    words = ["--published", "sbibm 2021", "--format", "svg", "--out", tmp_path]
    result = call("plot", folder, "times", *words)
    assert result.return_value == 0
    assert "published results are drawn in c2st_by_budget only" in result.output


def test_why_a_figure_is_not_drawn(folder, tmp_path):
    words = ["-m", "prior", "--out", tmp_path, "--format", "svg"]
    result = call("plot", folder, *words)
    assert result.return_value == 0
    for name in ("wins", "profile"):
        assert f"not drawn: {name}: two methods are needed, there is only prior" in result.output
    assert (
        "not drawn: ranks: two methods besides reference and prior are needed, there is none" in result.output
    )
    result = call("plot", folder, "times", "wins", *words)
    assert result.return_value == 1
    with pytest.raises(UsageError, match="plot: wins: two methods are needed"):
        call("plot", folder, "wins", *words)
    with pytest.raises(UsageError, match="nothing drawn; wins: two methods"):
        call("plot", folder, "wins", "profile", *words)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["win"], "unknown figure 'win'; did you mean 'wins'?"),
        (["-t", "sirr"], "task: no row of sirr; did you mean 'sir'?"),
        (["-m", "npe"], "method: no row of npe"),
        (["-n", "151"], "num-simulations: no row of 151; there are 150, 300"),
        (["--metric", "c2sd"], "metric: unknown 'c2sd'; did you mean 'c2st'?"),
        (["--metric", "sbc_curve"], "metric: unknown 'sbc_curve'"),
        (
            ["--metric", "mmd2", "--published", "sbibm"],
            "metric = 'mmd2': published results are of c2st and c2st_rf only",
        ),
        (["--published", "nobody"], "published = 'nobody': no such source; known: "),
        (["--style", "none.yaml"], "style none.yaml: no such file"),
    ],
)
def test_mistakes_are_one_line(folder, tmp_path, words, line):
    with pytest.raises((UsageError, UnknownFigureError)) as raised:
        call("plot", folder, *words, "--out", tmp_path / "out")
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [["--format", "gif"], ["--format", ""], ["--width", "nan"], ["--width", "1"], ["--font-size", "5"]],
)
def test_values_out_of_range_are_refused(folder, tmp_path, words):
    from click import ClickException

    with pytest.raises(ClickException) as raised:
        call("plot", folder, "wins", *words, "--out", tmp_path / "out")
    assert "\n" not in raised.value.format_message()
    assert not (tmp_path / "out").exists()


def test_pictures_are_whole_or_absent(folder, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def full(self, path, **_):
        path.write_bytes(zlib.compress(np.random.bytes(100)))
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="No space"):
        call("plot", folder, "wins", "--out", tmp_path)
    assert list(tmp_path.iterdir()) == []
