"""Base class of noisy-signal tasks whose reference posterior is made here."""

from __future__ import annotations

from tasks.tools.certified_task import CertifiedTask
from tasks.tools.noisy_signal import NoisySignal

__all__ = ["SignalTask"]


class SignalTask(NoisySignal, CertifiedTask):
    """A task with a noisy signal as data and a stored reference posterior."""
