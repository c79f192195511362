"""Energy counters and the version of the GPU driver, if the machine reports them."""

from __future__ import annotations

import importlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

__all__ = ["driver_version", "joules"]

RAPL = Path("/sys/class/powercap")


def joules(device: str) -> float | None:
    """Return a device's energy counter in joules, or None if there is no counter or it may not be read.

    The counter starts at an arbitrary moment, so only differences have a meaning. A GPU is read by NVML
    (package ``nvidia-ml-py``, extra ``gpu``). Processors are read by Linux's RAPL, summed over all packages.
    Energy used by other programs is included.
    """
    if device.startswith("cuda"):
        nvml = _nvml()
        if nvml is None:
            return None
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties().uuid}")
            return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3
        except nvml.NVMLError:
            return None
    try:
        counters = [float(file.read_text()) for file in RAPL.glob("intel-rapl:?/energy_uj")]
    except (OSError, ValueError):
        return None
    return sum(counters) / 1e6 if counters else None


@lru_cache(maxsize=2)
def driver_version(device: str) -> str:
    """Return the versions of the GPU driver and of the CUDA that torch was built for; empty for a CPU."""
    if not device.startswith("cuda"):
        return ""
    nvml = _nvml()
    driver = nvml.nvmlSystemGetDriverVersion() if nvml is not None else "driver unknown"
    return f"{driver}, CUDA {torch.version.cuda}"


@lru_cache(maxsize=1)
def _nvml() -> Any:
    try:
        pynvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
