"""Tasks of a noisy signal whose reference posterior ``scorebench reference TASK`` makes."""

from __future__ import annotations

from tasks.tools.certified_task import CertifiedTask
from tasks.tools.noisy_signal import NoisySignal

__all__ = ["SignalTask"]


class SignalTask(NoisySignal, CertifiedTask):
    """A noisy signal with a stored reference posterior."""
