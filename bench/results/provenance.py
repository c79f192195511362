"""Provenance of a row: versions, commit and device."""

from __future__ import annotations

import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from bench.version import VERSION

__all__ = ["device_name", "versions"]


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the version columns of a row; a column is empty if its package or git checkout is missing."""
    return {
        "scorebench_version": VERSION,
        "git_commit": _git_commit(),
        "torch_version": torch.__version__,
        "sbi_version": _installed("sbi"),
    }


@lru_cache(maxsize=4)
def device_name(device: str) -> str:
    """Return the name of the GPU, or of the processor as the system gives it."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _git_commit() -> str:
    here = Path(__file__).resolve().parents[1]
    if not (here.parent / ".git").exists():
        return ""
    try:
        return subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
