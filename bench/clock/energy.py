"""Counters of energy, and the driver's version, where a machine tells them."""

from __future__ import annotations

import importlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

__all__ = ["driver_version", "joules"]

RAPL = Path("/sys/class/powercap")


def joules(device: str) -> float | None:
    """Energy that a device has used since some moment; None where nothing counts it, or it may not be read.

    Of a GPU by NVML (package ``nvidia-ml-py``, extra ``gpu``), of processors by Linux's RAPL, all packages
    together. Other programs' share is in it.
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
    """Version of the GPU's driver, with that of the CUDA that torch was built for; empty where not known."""
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
