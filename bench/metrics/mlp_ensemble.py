"""Many small binary classifiers that train together, by batched matrix products.

Every model is scikit-learn's ``MLPClassifier`` with two ReLU layers of equal width, a logistic output,
Glorot-uniform weights and biases, Adam with learning rate 1e-3, L2 penalty 1e-4 and batches of 200. Training
ends when the loss of an epoch has not improved by 1e-4 for more than 10 epochs. There is one difference:
Adam's epsilon is added after the bias correction, as in Kingma and Ba's Algorithm 1, while scikit-learn adds
it before; this matters only for units that are never active.

The models differ in their data and seeds. Each stops on its own, and the next waiting model takes its place.
A model's result does not depend on the other models, to the last digit, because each draws its weights and
the order of its samples from its own generator. A problem may hold back some of its rows, whose loss then
replaces the training loss in the decision to stop.

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
from torch.nn.functional import softplus

# These operators are what torch.optim.Adam(fused=True) and relu's gradient call. At this size, the layers of
# Python around them would cost as much as the arithmetic.
fused_adam = torch.ops.aten._fused_adam_
threshold_backward = torch.ops.aten.threshold_backward.grad_input

__all__ = ["Problem", "train_and_score"]

BATCH = 200
ADAM = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
ADAM |= {"weight_decay": 0.0, "amsgrad": False, "maximize": False}
PENALTY = 1e-4
REGISTER = 64  # number of floats; a multiple of the width of any processor's vector registers
TOLERANCE, PATIENCE, MAX_EPOCHS = 1e-4, 10, 10_000


@dataclass(frozen=True)
class Problem:
    """The problem of one classifier: rows of a shared table for training, and others for scoring.

    Arguments:
        data: Standardised features, ``(N, D)``, float32.
        target: Labels, 0 or 1, ``(N,)``, float32.
        train: Indices of the rows to train on.
        test: Indices of the rows to score.
        seed: Seed of the initial weights and of the order of samples.
        held_back: Indices of the rows whose loss decides when to stop and which epoch's weights to score. If
            empty, the training loss decides when to stop, and the last weights are scored.
    """

    data: Tensor
    target: Tensor
    train: Tensor
    test: Tensor
    seed: int
    held_back: Tensor


def train_and_score(problems: list[Problem], width: int, slots: int, workers: int = 1) -> list[float]:
    """Train a classifier for each problem, and return the accuracy of each on its test rows.

    Arguments:
        problems: Problems with the same D and the same numbers of rows, on the same device.
        width: Number of units in each of the two hidden layers.
        slots: Number of models that a worker trains at a time; it does not change the results.
        workers: Number of threads, each with its own models and one torch thread.
    """
    scores = [math.nan] * len(problems)
    waiting = deque(enumerate(problems))  # its popleft is atomic, so workers share it
    slots = max(2, min(slots, -(-len(problems) // workers)))
    threads = torch.get_num_threads()
    try:
        work = delayed(_work)
        parallel = Parallel(n_jobs=workers, backend="threading")
        parallel(work(waiting, problems, scores, width, slots) for _ in range(workers))
    finally:
        torch.set_num_threads(threads)
    return scores


@torch.inference_mode()
def _work(
    waiting: deque[tuple[int, Problem]], problems: list[Problem], scores: list[float], width: int, slots: int
) -> None:
    """Take problems from the queue until none is left, and write their scores to the list ``scores``."""
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
        if len(running) < ensemble.size > 2:  # no problem is waiting, so drop the idle slots
            idle = set(range(ensemble.size)) - running.keys()
            # At least two are kept, because the library's product of a single matrix rounds differently.
            kept = sorted(running) if len(running) > 1 else [*running, min(idle)]
            ensemble.keep(kept)
            running = {new: running[old] for new, old in enumerate(kept) if old in running}
        for slot in running.keys() & ensemble.epoch():
            number = running.pop(slot)
            scores[number] = ensemble.accuracy(slot, problems[number])


class _Ensemble:
    """Weights, optimiser state and training data of ``size`` models, with one model in each row."""

    def __init__(self, like: Problem, width: int, size: int) -> None:
        dim, num_train = like.data.shape[1], len(like.train)
        self.size, self.device = size, like.data.device
        # The first layer's biases are the last row of its weights, because x has a column of ones.
        self.shapes = [(dim + 1, width), (width, width), (1, width), (1, width), (1, 1)]
        self.lengths = [a * b for a, b in self.shapes]
        # Rows fill whole vector registers, because leftover elements at an array's end round differently.
        total = sum(self.lengths) + -sum(self.lengths) % REGISTER
        self.params, self.grads, self.first, self.second = (self._zeros(size, total) for _ in range(4))
        self.x = torch.ones(size, num_train, dim + 1, device=self.device)
        self.order_x = self.x.clone()
        # The spare column separates rows in memory, so that exponentials are computed row by row. As above,
        # the place of a number in a vector register can change its last digit.
        self.y, self.order_y, self.logits = (self._zeros(size, num_train + 1) for _ in range(3))
        self.stopping = len(like.held_back) > 0
        self.held_x = torch.ones(size, len(like.held_back), dim + 1, device=self.device)
        self.held_y = self._zeros(size, len(like.held_back))
        self.scored = self._zeros(size, total) if self.stopping else self.params
        self.best = torch.full((size,), torch.inf, device=self.device)
        self.steps = self._zeros(size)
        self.stalled, self.epochs = (torch.zeros(size, dtype=torch.long) for _ in range(2))
        self.generators = [torch.Generator() for _ in range(size)]
        # The penalty applies to weights but not to biases, and scikit-learn divides it by the batch size.
        self.penalised = self._zeros(1, total)
        first, second, _, third, _ = self._split(self.penalised)
        first[:, :-1] = second[:] = third[:] = 1.0
        self._views()

    def load(self, slot: int, problem: Problem) -> None:
        """Start a new model in a slot."""
        generator = self.generators[slot].manual_seed(problem.seed)
        dim, width = self.shapes[0][0] - 1, self.shapes[0][1]
        fans = [dim + width, 2 * width, 2 * width, width + 1, width + 1]  # biases are drawn like weights
        for weights, fan in zip(self.weights, fans, strict=True):
            drawn = 2.0 * torch.rand(weights.shape[1:], generator=generator) - 1.0
            weights[slot] = drawn.to(self.device) * math.sqrt(6.0 / fan)
        self.first[slot] = self.second[slot] = 0.0
        self.x[slot, :, :-1] = problem.data[problem.train]
        self.y[slot, :-1] = problem.target[problem.train]
        self.held_x[slot, :, :-1] = problem.data[problem.held_back]
        self.held_y[slot] = problem.target[problem.held_back]
        self.best[slot] = torch.inf
        self.steps[slot] = 0.0
        self.stalled[slot] = self.epochs[slot] = 0

    def keep(self, slots: list[int]) -> None:
        """Drop all models but those of the given slots."""
        for name in ("params", "grads", "first", "second", "x", "order_x", "y", "order_y", "logits"):
            setattr(self, name, getattr(self, name)[slots])
        for name in ("held_x", "held_y", "best", "steps", "stalled", "epochs"):
            setattr(self, name, getattr(self, name)[slots])
        self.scored = self.scored[slots] if self.stopping else self.params
        self.generators = [self.generators[slot] for slot in slots]
        self.size = len(slots)
        self._views()

    def epoch(self) -> set[int]:
        """Train every model for one epoch, each in its own order, and return the slots that are finished."""
        num_train = self.x.shape[1]
        for slot, generator in enumerate(self.generators):
            order = torch.randperm(num_train, generator=generator).to(self.device)
            torch.index_select(self.x[slot], 0, order, out=self.order_x[slot])
            torch.index_select(self.y[slot], 0, order, out=self.order_y[slot, :-1])
        for batch in self.batches:
            self._step(*batch)
        loss = self._held_back_loss() if self.stopping else self._training_loss()
        stalled = (loss > self.best - TOLERANCE).cpu()
        self.stalled = torch.where(stalled, self.stalled + 1, 0)
        if self.stopping:
            torch.where((loss < self.best)[:, None], self.params, self.scored, out=self.scored)
        self.best = torch.minimum(self.best, loss)
        self.epochs += 1
        return set(torch.nonzero((self.stalled > PATIENCE) | (self.epochs >= MAX_EPOCHS))[:, 0].tolist())

    def accuracy(self, slot: int, problem: Problem) -> float:
        """Return the fraction of a problem's test rows that the model in the slot classifies correctly."""
        w1, w2, b2, w3, b3 = (weights[0] for weights in self._split(self.scored[slot : slot + 1]))
        hidden = torch.relu(problem.data[problem.test] @ w1[:-1] + w1[-1])
        logit = torch.relu(hidden @ w2 + b2) @ w3.T + b3
        return float(((logit[:, 0] > 0) == (problem.target[problem.test] > 0.5)).double().mean())

    def _training_loss(self) -> Tensor:
        """Return scikit-learn's loss of an epoch: mean loss of batches before their steps, plus penalty."""
        num_train = self.x.shape[1]
        logits, y = self.logits[:, :-1], self.order_y[:, :-1]
        loss = (softplus(logits) - y * logits).sum(1) / num_train
        return loss + (self.params.square() * self.penalised).sum(1) * (0.5 * PENALTY / min(BATCH, num_train))

    def _held_back_loss(self) -> Tensor:
        w1, w2, b2, w3, b3 = self.weights
        hidden = torch.bmm(torch.bmm(self.held_x, w1).relu_(), w2).add_(b2).relu_()
        logits = (hidden * w3).sum(2, keepdim=True) + b3
        # Rows are separated in memory, like the logits in training.
        apart = torch.nn.functional.pad(logits[..., 0], (0, 1))[:, :-1]
        return (softplus(apart) - self.held_y * apart).mean(1)

    def _step(self, x: Tensor, y: Tensor, logit: Tensor) -> None:
        """Take an Adam step of every model on a batch.

        Arguments:
            x: Features with a column of ones, ``(size, B, D + 1)``.
            y: Labels, ``(size, B)``.
            logit: Tensor ``(size, B)`` that receives the logits before the step.
        """
        w1, w2, b2, w3, b3 = self.weights
        g1, g2, gb2, g3, gb3 = self.gradients
        rows = x.shape[1]
        h1, h2, flow, square = self._scratch(rows)
        torch.bmm(x, w1, out=h1).relu_()
        torch.bmm(h1, w2, out=h2).add_(b2).relu_()
        # Products with a single column are written as sums, because batched matrix-vector products are slow.
        torch.sum(torch.mul(h2, w3, out=flow), 2, out=logit).add_(b3[:, 0])
        delta = torch.sigmoid(logit).sub_(y).div_(rows)[:, :, None]
        torch.sum(delta, 1, keepdim=True, out=gb3)
        torch.sum(torch.mul(h2, delta, out=flow), 1, keepdim=True, out=g3)
        # The gradient at the second layer is delta w3 where a unit is active. The factor w3 multiplies the
        # weights and their gradients instead, which have fewer elements.
        on = threshold_backward(delta, h2, 0, grad_input=h2)
        torch.mul(torch.bmm(h1.transpose(1, 2), on, out=square), w3, out=g2)
        torch.mul(on.sum(1, keepdim=True), w3, out=gb2)
        torch.bmm(on, torch.mul(w2, w3, out=square).transpose(1, 2), out=flow)
        threshold_backward(flow, h1, 0, grad_input=flow)
        g1.copy_(torch.bmm(x.transpose(1, 2), flow))
        self.grads.addcmul_(self.params, self.penalised, value=PENALTY / rows)
        self.steps += 1.0
        fused_adam(*self.state, **ADAM)

    def _views(self) -> None:
        """Create the views of all models' tensors that every step uses, since this takes time."""
        self.weights, self.gradients = self._split(self.params), self._split(self.grads)
        params, grads, first, second, steps = (
            list(rows.unbind()) for rows in (self.params, self.grads, self.first, self.second, self.steps)
        )
        self.state: tuple[list[Tensor], ...] = (params, grads, first, second, [], steps)
        parts = (self.order_x, self.order_y[:, :-1], self.logits[:, :-1])
        self.batches = list(zip(*(part.split(BATCH, dim=1) for part in parts), strict=True))
        self._buffers: dict[int, list[Tensor]] = {}

    def _split(self, flat: Tensor) -> list[Tensor]:
        parts = flat[:, : sum(self.lengths)].split(self.lengths, dim=1)
        return [part.view(len(flat), *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _scratch(self, rows: int) -> list[Tensor]:
        # Buffers are kept, because new memory of this size would be mapped and unmapped at every step.
        if rows not in self._buffers:
            width = self.shapes[0][1]
            self._buffers[rows] = [self._zeros(self.size, n, width) for n in (rows, rows, rows, width)]
        return self._buffers[rows]

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(*shape, device=self.device)
