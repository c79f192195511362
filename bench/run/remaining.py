"""Time that a run has left, from forecasts of its cells and from how long they really take."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Remaining"]


class Remaining:
    """Counts the seconds that are left, with each cell weighted by its forecast.

    The speed is the ratio of real to predicted seconds over the cells that are done. The forecast itself
    counts as one more cell, so that one odd cell does not decide. A cell that runs for longer than predicted
    shows that the ratio is larger.

    Arguments:
        weights: Predicted seconds by key of a cell; None if unknown, which counts as the mean of the others.
            If all are unknown, all cells weigh the same, and nothing is known before one is done.
        jobs: Number of cells that run at a time.
        now: Present time in seconds.
    """

    def __init__(self, weights: Mapping[str, float | None], jobs: int, now: float) -> None:
        known = [seconds for seconds in weights.values() if seconds is not None]
        self._predicted = bool(known)
        self._mean = max(sum(known) / len(known), 1e-3) if known else 1.0
        self._waiting = {
            key: max(seconds, 1e-3) if seconds is not None else self._mean for key, seconds in weights.items()
        }
        self._waiting_sum = sum(self._waiting.values())
        self._running: dict[str, tuple[float, float]] = {}  # weight and start
        self._jobs, self._latest = jobs, now
        self._real = self._weight = self._mean if self._predicted else 0.0

    def start(self, key: str, now: float) -> None:
        """Note that a cell has started."""
        weight = self._waiting.pop(key, None)
        if weight is not None:
            self._waiting_sum -= weight
            self._running[key] = (weight, now)

    def end(self, key: str, seconds: float, now: float, *, elsewhere: bool = False) -> None:
        """Note that a cell is done; that of another runner tells nothing of the speed."""
        self.start(key, now)
        weight, _ = self._running.pop(key, (0.0, now))
        self._latest = now
        if not elsewhere:
            self._real += seconds
            self._weight += weight

    def expected(self, key: str) -> float | None:
        """Return the seconds that a running cell is expected to take in all; None if nothing is known."""
        if key not in self._running or not self._weight:
            return None
        return self._real / self._weight * self._running[key][0]

    def left(self, now: float) -> float | None:
        """Return the seconds until the last cell ends; None while nothing is known."""
        if not self._waiting and not self._running:
            return 0.0
        if not self._weight:
            return None
        # On a cluster no start is noted: free places hold cells of mean weight since the latest end.
        running = list(self._running.values())
        unseen = min(self._jobs, len(self._waiting) + len(running)) - len(running)
        mean = self._waiting_sum / len(self._waiting) if self._waiting else 0.0
        running += [(mean, self._latest)] * unseen
        waiting = self._waiting_sum - mean * unseen
        ratio = self._real / self._weight
        late = [(weight, now - start) for weight, start in running if now - start > ratio * weight]
        if late:
            weight = self._weight + sum(weight for weight, _ in late)
            ratio = max(ratio, (self._real + sum(seconds for _, seconds in late)) / weight)
        each = [max(ratio * weight - (now - start), 0.0) for weight, start in running]
        return max([*each, (ratio * waiting + sum(each)) / self._jobs])
