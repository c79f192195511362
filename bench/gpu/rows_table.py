"""The table of the programme's rows, as it stands in ``results/gpu/README.md``."""

from __future__ import annotations

import json

import pandas as pd
from tabulate import tabulate

__all__ = ["NOT_MEASURED", "gpu_table"]

NOT_MEASURED = "Not measured: no GPU was at hand."
KEYS = ["device_name", "part"]


def gpu_table(rows: pd.DataFrame) -> str:
    """Return the rows of full scale on a GPU as Markdown, with one table for each GPU.

    For each part the newest run with a value counts; if no run has one, the newest.

    Arguments:
        rows: Rows from :func:`bench.gpu.row_files.read_rows`.

    Returns:
        The tables, or a sentence that nothing was measured.
    """
    full = rows[(rows["device"] == "cuda") & (rows["scale"] == 1.0)]
    if full.empty:
        return f"{NOT_MEASURED}\n"
    texts = []
    for device, of_device in full.groupby("device_name", sort=False):
        # Parts are listed in the order of the programme, in which they were started.
        order = of_device.groupby("part", sort=False)["started_at"].min().sort_values().index
        newest = [_newest(of_device[of_device["part"] == part]) for part in order]
        lines = [_cells(row) for part in newest for row in part.to_dict("records")]
        first = newest[0].iloc[0]
        title = f"{device}, driver {first['driver_version']}, PyTorch {first['torch_version']}"
        texts.append(f"## {title}\n\n{tabulate(lines, headers='keys', tablefmt='pipe')}\n")
    return "\n".join(texts)


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a part from its newest run with a value, else from its newest run."""
    with_value = rows[rows["error"] == ""]
    return rows[rows["run"] == (rows if with_value.empty else with_value)["run"].max()]


def _cells(row: dict) -> dict[str, str]:
    sizes = ", ".join(f"{name} {value}" for name, value in json.loads(row["sizes"]).items())
    value = row["error"] or f"{row['value']:.4g} {row['unit']}".strip()
    met = row["meets_aim"]
    return {
        "part": row["part"],
        "what": row["what"],
        "quantity": row["quantity"],
        "sizes": sizes,
        "value": value.replace("|", "/"),
        "iqr": "" if pd.isna(row["iqr"]) else f"{row['iqr']:.2g}",
        "calls": str(row["num_calls"]) if not row["error"] else "",
        "aim": row["aim"],
        "met": "" if pd.isna(met) else ("yes" if met else "no"),
    }
