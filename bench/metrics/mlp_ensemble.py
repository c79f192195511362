"""Many small binary classifiers trained at once, as batched matrix products.

Every model is scikit-learn's ``MLPClassifier`` with two ReLU layers of equal width, a logistic output,
Glorot-uniform weights and biases, Adam at 1e-3, L2 penalty 1e-4, batches of 200, and training until the loss
of an epoch has not improved by 1e-4 for more than 10 epochs. The models differ in their data and seeds; each
stops by itself, and its place is taken by the next that waits. A model's result does not depend on the models
beside it, to the last digit: it draws its weights and orders from a generator of its own.

Reference: Kingma and Ba, Adam, ICLR 2015; Glorot and Bengio, AISTATS 2010; the protocol is scikit-learn's.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from dataclasses import dataclass

import torch
from joblib import Parallel, delayed
from torch import Tensor

__all__ = ["Problem", "train_and_score"]

BATCH = 200
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
PENALTY = 1e-4
REGISTER = 64  # floats, a multiple of what any processor handles at once
TOLERANCE, PATIENCE, MAX_EPOCHS = 1e-4, 10, 10_000


@dataclass(frozen=True)
class Problem:
    """One classifier's task: rows of a shared table to learn from, others to be scored on.

    Arguments:
        data: Scaled features, ``(N, D)``, float32.
        target: 0 or 1, ``(N,)``, float32.
        train: Row numbers to train on.
        test: Row numbers to score.
        seed: Of the initial weights and of the order of samples.
    """

    data: Tensor
    target: Tensor
    train: Tensor
    test: Tensor
    seed: int


def train_and_score(problems: list[Problem], width: int, slots: int, workers: int = 1) -> list[float]:
    """Accuracy of each problem's classifier on its test rows.

    Arguments:
        problems: All with the same D and numbers of rows, on the same device.
        width: Units of both hidden layers.
        slots: Models that a worker trains at a time; does not change the results.
        workers: Threads, each with models of its own and one thread of torch's.
    """
    scores = [math.nan] * len(problems)
    waiting = deque(enumerate(problems))  # its popleft is atomic, so workers share it
    slots = max(2, min(slots, -(-len(problems) // workers)))
    if workers == 1:
        _work(waiting, problems, scores, width, slots)
        return scores
    threads = torch.get_num_threads()
    try:
        work = delayed(_work)
        parallel = Parallel(n_jobs=workers, backend="threading")
        parallel(work(waiting, problems, scores, width, slots) for _ in range(workers))
    finally:
        torch.set_num_threads(threads)
    return scores


def _work(
    waiting: deque[tuple[int, Problem]], problems: list[Problem], scores: list[float], width: int, slots: int
) -> None:
    """Take problems off the queue until none is left, and enter their scores."""
    torch.set_num_threads(1)
    ensemble = _Ensemble(problems[0], width, slots)
    running: dict[int, int] = {}  # slot -> number of its problem
    while True:
        for slot in set(range(ensemble.size)) - running.keys():
            with contextlib.suppress(IndexError):
                number, problem = waiting.popleft()
                ensemble.load(slot, problem)
                running[slot] = number
        if not running:
            return
        if len(running) < ensemble.size > 2:  # none waits any more: shrink to those that are left
            idle = set(range(ensemble.size)) - running.keys()
            # Two at least: of a single matrix the library's product rounds otherwise than of many.
            kept = sorted(running) if len(running) > 1 else [*running, min(idle)]
            ensemble.keep(kept)
            running = {new: running[old] for new, old in enumerate(kept) if old in running}
        for slot in running.keys() & ensemble.epoch():
            number = running.pop(slot)
            scores[number] = ensemble.accuracy(slot, problems[number])


class _Ensemble:
    """Weights, optimiser state and training data of ``size`` models, one model a row."""

    def __init__(self, like: Problem, width: int, size: int) -> None:
        dim, num_train = like.data.shape[1], len(like.train)
        self.size, self.device = size, like.data.device
        self.shapes = [(dim, width), (1, width), (width, width), (1, width), (1, width), (1, 1)]
        self.lengths = [a * b for a, b in self.shapes]
        fans = [dim + width, dim + width, 2 * width, 2 * width, width + 1, width + 1]
        self.bounds = [math.sqrt(6.0 / fan) for fan in fans]
        # Rows of whole vector registers: the odd elements at an array's end would be rounded otherwise.
        self.used = sum(self.lengths)
        total = self.used + -self.used % REGISTER
        self.params, self.grads, self.first, self.second = (self._zeros(size, total) for _ in range(4))
        # The penalty is on weights, not on biases, and scikit-learn divides it by the batch.
        is_weight = [torch.full((n,), float(k in (0, 2, 4))) for k, n in enumerate(self.lengths)]
        self.penalised = self._zeros(total)
        self.penalised[: self.used] = torch.cat(is_weight)
        self.x, self.order_x = self._zeros(size, num_train, dim), self._zeros(size, num_train, dim)
        self.y, self.order_y = self._zeros(size, num_train, 1), self._zeros(size, num_train, 1)
        self.best = torch.full((size,), torch.inf, device=self.device)
        self.stalled, self.epochs, self.steps = (torch.zeros(size, dtype=torch.long) for _ in range(3))
        self.generators = [torch.Generator() for _ in range(size)]
        self._buffers: dict[int, list[Tensor]] = {}
        self._views()

    def load(self, slot: int, problem: Problem) -> None:
        """Start a new model in a slot."""
        generator = self.generators[slot].manual_seed(problem.seed)
        parts = [
            (2.0 * torch.rand(n, generator=generator) - 1.0) * bound
            for n, bound in zip(self.lengths, self.bounds, strict=True)
        ]
        self.params[slot, : self.used] = torch.cat(parts).to(self.device)
        self.first[slot] = self.second[slot] = 0.0
        self.x[slot] = problem.data[problem.train]
        self.y[slot] = problem.target[problem.train, None]
        self.best[slot] = torch.inf
        self.stalled[slot] = self.epochs[slot] = self.steps[slot] = 0

    def keep(self, slots: list[int]) -> None:
        """Drop all models but those of the given slots."""
        for name in ("params", "grads", "first", "second", "x", "order_x", "y", "order_y", "best"):
            setattr(self, name, getattr(self, name)[slots])
        for name in ("stalled", "epochs", "steps"):
            setattr(self, name, getattr(self, name)[slots])
        self.generators = [self.generators[slot] for slot in slots]
        self.size = len(slots)
        self._buffers.clear()
        self._views()

    def epoch(self) -> set[int]:
        """One pass of every model over its own data in its own order; the slots of those that have ended."""
        num_train = self.x.shape[1]
        for slot, generator in enumerate(self.generators):
            order = torch.randperm(num_train, generator=generator).to(self.device)
            torch.index_select(self.x[slot], 0, order, out=self.order_x[slot])
            torch.index_select(self.y[slot], 0, order, out=self.order_y[slot])
        loss = self._zeros(self.size)
        for start in range(0, num_train, BATCH):
            rows = slice(start, min(start + BATCH, num_train))
            loss += self._step(self.order_x[:, rows], self.order_y[:, rows])
        penalty = (self.params.square() * self.penalised).sum(1) * (0.5 * PENALTY / min(BATCH, num_train))
        loss = loss / num_train + penalty
        stalled = (loss > self.best - TOLERANCE).cpu()
        self.stalled = torch.where(stalled, self.stalled + 1, 0)
        self.best = torch.minimum(self.best, loss)
        self.epochs += 1
        return set(torch.nonzero((self.stalled > PATIENCE) | (self.epochs >= MAX_EPOCHS))[:, 0].tolist())

    def accuracy(self, slot: int, problem: Problem) -> float:
        """Share of test rows on the right side of the model's boundary."""
        w1, b1, w2, b2, w3, b3 = (view[slot] for view in self.weights)
        hidden = torch.relu(problem.data[problem.test] @ w1 + b1)
        logit = torch.relu(hidden @ w2 + b2) @ w3.T + b3
        return float(((logit[:, 0] > 0) == (problem.target[problem.test] > 0.5)).double().mean())

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        """An Adam step on a batch of every model; the sum of its losses, ``(size,)``."""
        w1, b1, w2, b2, w3, b3 = self.weights
        h1, h2, d1, d2 = self._scratch(x.shape[1])
        torch.baddbmm(b1, x, w1, out=h1).relu_()
        torch.baddbmm(b2, h1, w2, out=h2).relu_()
        # Products with a single column are sums here: batched matrix-vector products are slow.
        logit = torch.mul(h2, w3, out=d2).sum(2).add_(b3[:, 0])
        # Exponentials are taken in whole vector registers, for the same reason as the parameters.
        rows = x.shape[1]
        padded = torch.nn.functional.pad(logit, (0, -rows % REGISTER))
        likelihood = torch.nn.functional.softplus(padded)[:, :rows] - y[:, :, 0] * logit
        delta = torch.sigmoid(padded)[:, :rows, None].sub(y).div_(rows)
        g3 = torch.mul(h2, delta, out=d2).sum(1)
        torch.ops.aten.threshold_backward.grad_input(torch.mul(delta, w3, out=d2), h2, 0, grad_input=d2)
        g2 = torch.bmm(h1.transpose(1, 2), d2)
        torch.ops.aten.threshold_backward.grad_input(
            torch.bmm(d2, w2.transpose(1, 2), out=d1), h1, 0, grad_input=d1
        )
        g1 = torch.bmm(x.transpose(1, 2), d1)
        parts = [g1.flatten(1), d1.sum(1), g2.flatten(1), d2.sum(1), g3, delta.sum(1)]
        torch.cat(parts, dim=1, out=self.grads[:, : self.used])
        self.grads.addcmul_(self.params, self.penalised, value=PENALTY / x.shape[1])
        self._adam()
        return likelihood.sum(1)

    def _adam(self) -> None:
        self.steps += 1
        t = self.steps.double()
        rate = LEARNING_RATE * (1.0 - BETA2**t).sqrt() / (1.0 - BETA1**t)
        self.first.lerp_(self.grads, 1.0 - BETA1)
        self.second.mul_(BETA2).addcmul_(self.grads, self.grads, value=1.0 - BETA2)
        # The gradients are used up: their memory holds the denominator, then the step.
        step = torch.sqrt(self.second, out=self.grads).add_(EPSILON)
        torch.div(self.first, step, out=step).mul_(rate.to(step)[:, None])
        self.params.sub_(step)

    def _views(self) -> None:
        parts = self.params[:, : self.used].split(self.lengths, dim=1)
        self.weights = [part.view(self.size, *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _scratch(self, rows: int) -> list[Tensor]:
        # Kept between steps: fresh memory of this size would be mapped and unmapped each time.
        if rows not in self._buffers:
            width = self.shapes[0][1]
            self._buffers[rows] = [self._zeros(self.size, rows, width) for _ in range(4)]
        return self._buffers[rows]

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(*shape, device=self.device)
