"""A metric and a figure of plug-in files appear in ``run``, ``table``, ``plot`` and ``list``."""

import json
import math
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from bench.commands.main import cli
from bench.errors import UsageError
from bench.metrics import Metric, MetricError, metrics, register_metric
from bench.metrics import registry as metric_registry
from bench.results.figures import draw, figure
from bench.results.schema import COLUMNS, plugin_fields
from bench.results.store import Store

pytestmark = pytest.mark.usefixtures("quick_classifiers")
DOCS = Path(__file__).parents[2] / "docs" / "extending.md"
TEMPLATES = dict(re.findall(r"```python\n# (my_\w+\.py)\n(.*?)```", DOCS.read_text(), flags=re.DOTALL))
ODD = '''
from bench.metrics import Metric, register_metric


@register_metric("odd_metric")
class OddMetric(Metric):
    """Raises, or returns what is no number."""

    needs = ("likelihood",)

    def score(self, draws):
        if draws.num_observation == 1:
            raise KeyError("no such thing")
        return "many"
'''
BROKEN = '''
from bench.results.figures import ResultFigure, register_figure


@register_figure("broken_figure")
class BrokenFigure(ResultFigure):
    """Raises."""

    def draw(self, rows):
        raise KeyError("no such column")


@register_figure("no_figure")
class NoFigure(ResultFigure):
    """Returns a number."""

    def draw(self, rows):
        return 3
'''


@pytest.fixture(autouse=True)
def _registered_for_one_test(monkeypatch):
    """Metrics and figures of plug-ins would add columns and files to what other tests look at."""
    before = {registry: registry.own() for registry in (metric_registry._registry, figure._registry)}
    yield
    plt.close("all")
    for registry, known in before.items():
        registry._classes = known


def call(*arguments):
    return CliRunner().invoke(
        cli, [str(one) for one in arguments], standalone_mode=False, catch_exceptions=False
    )


def written(folder, name, text):
    """Path of a plug-in; a module is loaded once in a process, so each test has files of its own."""
    (folder / name).write_text(text)
    return folder / name


def run(folder, plugin, *more):
    command = ("run", "-t", "two_moons", "-m", "prior", "-n", 50, "-o", 1, "-o", 2, "--num-samples", 50)
    return call(*command, "--backend", "sequential", "--plugin", plugin, "--out", folder / "out", *more)


def test_templates_are_short():
    assert all(len(TEMPLATES[name].strip().splitlines()) < 20 for name in ("my_metric.py", "my_figure.py"))


def test_a_metric_appears_in_run_table_and_list(tmp_path):
    plugin = written(tmp_path, "my_metric.py", TEMPLATES["my_metric.py"])
    assert run(tmp_path, plugin).return_value == 0
    rows = Store(tmp_path / "out").read()
    assert list(rows) == [*COLUMNS, "mean_error"]
    # Samples of the prior are centred on zero, the reference on two crescents around it.
    assert (rows["mean_error"] > 0.0).all()
    assert rows["metric_errors"].isna().all()
    assert "mean_error" in call("table", tmp_path / "out").output.splitlines()[1]
    assert re.search(r"mean_error +lower +reference +Largest distance", call("list", "metrics").output)


def test_its_column_is_read_and_kept_without_the_plugin(tmp_path):
    run(tmp_path, written(tmp_path, "my_metric.py", TEMPLATES["my_metric.py"]))
    metric_registry._registry._classes.pop("mean_error")
    store = Store(tmp_path / "out")
    before = store.read()
    assert before["mean_error"].notna().all()
    [mean] = pd.read_csv(_file(tmp_path, call("table", tmp_path / "out", "--format", "csv").output))[
        "mean_error"
    ]
    assert mean == pytest.approx(before["mean_error"].mean())
    # A row that joins its cell from a process that does not know the metric has none; the others keep theirs.
    store.write_cell(before["cell"][0], [{"cell": before["cell"][0], "num_observation": 3, "status": "ok"}])
    after = store.read()
    assert after["mean_error"].notna().tolist() == [True, True, False]
    [file] = (tmp_path / "out" / "cells").glob("*.parquet")
    assert pq.read_schema(file).field("mean_error").type == "double"


def test_a_metric_that_fails_leaves_its_row(tmp_path):
    assert run(tmp_path, written(tmp_path, "odd.py", ODD)).return_value == 0
    rows = Store(tmp_path / "out").read()
    assert rows["status"].tolist() == ["ok", "ok"]
    assert rows["odd_metric"].isna().all()
    assert rows["c2st"].notna().all()
    assert [json.loads(text)["odd_metric"] for text in rows["metric_errors"]] == [
        "KeyError: 'no such thing'",
        "odd_metric returned str for column odd_metric, not a number",
    ]


def test_a_figure_appears_in_plot_and_list(tmp_path):
    run(tmp_path, written(tmp_path, "my_metric.py", TEMPLATES["my_metric.py"]))
    plugin = written(tmp_path, "my_figure.py", TEMPLATES["my_figure.py"])
    result = call("plot", tmp_path / "out", "--plugin", plugin)
    assert result.return_value == 0
    assert (tmp_path / "out" / "figures" / "c2st_by_parameters.png").stat().st_size > 5000
    assert "c2st_by_parameters.pdf" in result.output
    assert re.search(
        r"c2st_by_parameters +c2st, num_parameters +C2ST against", call("list", "figures").output
    )
    with pytest.raises(UsageError, match="no row has c2st and num_parameters"):
        draw("c2st_by_parameters", Store(tmp_path / "out").read().assign(num_parameters=math.nan))


def test_a_figure_that_fails_leaves_the_others(tmp_path):
    run(tmp_path, written(tmp_path, "my_metric.py", TEMPLATES["my_metric.py"]))
    result = call("plot", tmp_path / "out", "--plugin", written(tmp_path, "broken.py", BROKEN))
    assert result.return_value == 1
    assert "scorebench: figure 'broken_figure' was not drawn (KeyError: 'no such column')" in result.output
    assert "c2st_by_budget.png" in result.output
    with pytest.raises(UsageError, match="'no_figure' returned int"):
        draw("no_figure", Store(tmp_path / "out").read())


def test_columns_belong_to_one_metric(tmp_path):
    class Other(Metric):
        """Claims a column of another metric."""

        more_numbers = ("c2st_se",)

        def score(self, draws):
            return None

    with pytest.raises(ValueError, match="column 'c2st_se' belongs to metric 'c2st'"):
        register_metric("other_metric")(Other)
    with pytest.raises(MetricError, match="column 'seeds', which it does not declare"):
        metrics()["mmd2"].row({"seeds": 1.0})
    clash = ODD.replace('"odd_metric"', '"train_s"')
    with pytest.raises(UsageError, match="rows have a column 'train_s' already"):
        run(tmp_path, written(tmp_path, "clash.py", clash))
    assert not (tmp_path / "out" / "cells").exists()
    metric_registry._registry._classes.pop("train_s")
    assert plugin_fields() == {}


def _file(folder, text):
    (folder / "table.csv").write_text(text)
    return folder / "table.csv"
