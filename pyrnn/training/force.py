"""FORCE: train a network while it runs, by recursive least squares."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from pyrnn.constraints import intervals
from pyrnn.linear import Linear
from pyrnn.progress import track
from pyrnn.training._datasets import Dataset, check_dataset
from pyrnn.training.data import Batch, batches, mask_of, prepare
from pyrnn.training.history import History
from pyrnn.training.network import Trainable
from pyrnn.validate import as_boolean, as_choice, as_integer, as_number, as_seed

__all__ = ["train_force"]


@runtime_checkable
class _Steps(Protocol):
    """What FORCE uses of a network beside its sizes."""

    hidden_size: int
    w_rec: Linear
    w_out: Linear

    @property
    def _alpha(self) -> float | Tensor: ...
    def step(self, h: Tensor, x: Tensor) -> Tensor: ...
    def rates(self, states: Tensor) -> Tensor: ...
    def readout(self, states: Tensor) -> Tensor: ...
    def initial_state(self, batch_shape: Sequence[int] = ()) -> Tensor: ...


def train_force(
    rnn: Trainable,
    dataset: Dataset,
    *,
    learn: str = "readout",
    epochs: int = 10,
    batch_size: int = 1,
    feedback: float = 1.0,
    ridge: float = 1.0,
    every: int = 2,
    seed: int = 0,
    progress: bool = True,
) -> History:
    r"""Train a network while it runs, by recursive least squares (FORCE).

    Every few steps, the errors :math:`e = y - \hat y` of the present outputs change the weights
    :math:`W` by which the rates :math:`r` are read,

    .. math:: P \leftarrow (P^{-1} + r r^\top)^{-1}, \qquad W \leftarrow W - e\, r^\top P,

    so that errors stay small from the first steps on. Trials of a batch run at the same time, and
    each of them adds its :math:`r r^\top`.

    *Readout*: the outputs are fed back by fixed random weights :math:`F`, and ``w_out`` learns.
    The feedback is that part :math:`F\, W_{out}` of ``w_rec``; the result is an ordinary network.
    Start from a chaotic one, e.g. with ``gain=1.5``. *Recurrent*: targets are the rates of all
    units, as they are recorded, and ``w_rec`` learns. Each step starts from the recorded rates,
    where they are known, and the errors are divided by :math:`\Delta t / \tau`.

    FORCE is quick for patterns and for teaching. To fit recordings,
    :func:`pyrnn.recordings.fit_recordings` is faster and more exact.

    Args:
        rnn: A network whose weights ``w_rec``, and ``w_out`` if it learns, are not constrained.
        dataset: A dataset that ``fit`` takes. Steps with a mask of 0 teach nothing.
        learn: ``"readout"`` or ``"recurrent"``.
        epochs: Passes over the dataset.
        batch_size: Trials that run at the same time.
        feedback: Strength of the feedback: its weights are uniform between plus and minus this.
            Only for ``learn="readout"``.
        ridge: Initial :math:`P^{-1}`, as a multiple of the identity; larger is slower and calmer.
        every: Steps between two updates.
        seed: Seed of the feedback.
        progress: Whether to show a progress bar.

    Returns:
        The mean squared error before each update, averaged over each epoch. It becomes small
        because the weights follow; evaluate the network for its error without that.

    Raises:
        TypeError: If the network lacks such weights, or an argument is of another kind.
        ValueError: If the weights are constrained, or a shape or number does not fit.
        FloatingPointError: If an error is NaN or infinite.

    Example:
        >>> from pyrnn import RateRNN
        >>> rnn = RateRNN(1, 100, 1, tau=100.0, gain=1.5, seed=0)
        >>> t = torch.arange(400.0)
        >>> inputs = (t < 20).float()[None, :, None]  # starts the pattern
        >>> targets = torch.sin(t / 10)[None, :, None]
        >>> mask = (t >= 20).float()[None]
        >>> dataset = torch.utils.data.TensorDataset(inputs, targets, mask)
        >>> history = train_force(rnn, dataset, epochs=10, progress=False)
        >>> error = (rnn.predict(inputs).outputs - targets)[:, 20:]
        >>> error.square().mean().item() < 0.01
        True

    References:
        Sussillo & Abbott, *Generating coherent patterns of activity from chaotic neural networks*,
        Neuron 63 (2009); Perich et al., *Inferring brain-wide interactions using data-constrained
        recurrent neural network models*, bioRxiv (2020), for ``learn="recurrent"``.
    """
    learn = as_choice("learn", learn, ("readout", "recurrent"))
    epochs, every = as_integer("epochs", epochs, low=0), as_integer("every", every, low=1)
    batch_size = as_integer("batch_size", batch_size, low=1)
    feedback = as_number("feedback", feedback, low=0)
    ridge = as_number("ridge", ridge, above=0)
    rng = torch.Generator().manual_seed(as_seed("seed", seed))
    progress = as_boolean("progress", progress)
    check_dataset(dataset)
    _check_network(rnn, learn)
    network = copy.deepcopy(rnn).double().eval()
    history = History()
    with torch.no_grad():
        force = _Force.of(network, learn, feedback, ridge, every, rng)
        for _ in track(range(epochs), "FORCE", enabled=progress):
            start = time.perf_counter()
            losses = [force.run(prepare(b, network)) for b in batches(dataset, batch_size)]
            loss = sum(losses) / len(losses)
            history.record_epoch(loss=loss, seconds=time.perf_counter() - start)
        for name in ("w_rec", "w_out"):
            getattr(rnn, name).weight = getattr(network, name).weight.detach()
    return history


@dataclass
class _Force:
    """A network that learns while it runs."""

    network: _Steps
    inverse: Tensor  # P, (units, units)
    feedback: Tensor | None  # (units, outputs); None if the recurrent weights learn
    every: int

    @classmethod
    def of(
        cls,
        network: Trainable,
        learn: str,
        feedback: float,
        ridge: float,
        every: int,
        rng: torch.Generator,
    ) -> _Force:
        """Return it before the first step; ``w_rec`` has the feedback."""
        assert isinstance(network, _Steps)
        w_rec, w_out = network.w_rec.weight, network.w_out.weight
        inverse = torch.eye(len(w_rec)).to(w_rec) / ridge
        if learn == "recurrent":
            w_out.copy_(torch.eye(len(w_rec)))
            return cls(network, inverse, None, every)
        back = feedback * (2 * torch.rand(w_out.mT.shape, generator=rng, dtype=w_out.dtype) - 1)
        w_rec += back.to(w_rec) @ w_out
        return cls(network, inverse, back.to(w_rec), every)

    def run(self, batch: Batch) -> float:
        """Run some trials, learn from them, and return the mean squared error."""
        network, inputs = self.network, batch.inputs
        mask = mask_of(batch) > 0
        scored = (mask if mask.ndim == 3 else mask.unsqueeze(-1)).expand_as(batch.targets)
        targets = torch.where(scored, batch.targets, 0.0)
        h, total = network.initial_state(inputs.shape[:1]), 0.0
        if self.feedback is None:
            h = torch.where(scored[:, 0], targets[:, 0], h)
        for t in range(0 if self.feedback is not None else 1, inputs.shape[1]):
            if self.feedback is None:
                h = torch.where(scored[:, t - 1], targets[:, t - 1], h)
            before, h = h, network.step(h, inputs[:, t])
            if t % self.every == 0 and scored[:, t].any():
                error = torch.where(scored[:, t], network.readout(h) - targets[:, t], 0.0)
                total += float(error.square().sum() / scored[:, :: self.every].sum())
                taught = scored[:, t].any(-1, keepdim=True)
                if self.feedback is None:
                    self._learn(before * taught, error / network._alpha)
                else:
                    self._learn(network.rates(h) * taught, error)
        if not math.isfinite(total):
            raise FloatingPointError(
                f"expected finite errors, got {total}; choose a larger ridge or a smaller gain"
            )
        return total

    def _learn(self, rates: Tensor, error: Tensor) -> None:
        """Change the weights by the errors ``(trials, outputs)`` of rates ``(trials, units)``."""
        seen = rates @ self.inverse
        inner = torch.eye(len(rates)).to(rates) + seen @ rates.mT
        gain = torch.linalg.solve(inner, seen)
        self.inverse -= seen.mT @ gain
        change = error.mT @ gain
        w_rec = self.network.w_rec.weight
        if self.feedback is None:
            w_rec -= change
        else:
            self.network.w_out.weight -= change
            w_rec -= self.feedback @ change


def _check_network(rnn: Trainable, learn: str) -> None:
    """Check that the weights that learn are there and are free."""
    if not isinstance(rnn, Trainable) or not isinstance(rnn, _Steps):
        raise TypeError(f"expected a network of pyrnn, got {type(rnn).__name__}")
    n = rnn.hidden_size
    for name, shape in (("w_rec", (n, n)), ("w_out", (rnn.output_size, n))):
        layer = getattr(rnn, name)
        if not isinstance(layer, Linear) or layer.weight.shape != shape:
            raise TypeError(f"expected {name} of {type(rnn).__name__} as a matrix {shape}")
        if intervals(layer) is not None:
            raise ValueError(
                f"expected {name} without constraints, got {type(rnn).__name__} with some; least "
                "squares would break them"
            )
    h = torch.rand(n).to(rnn.w_rec.weight)
    if learn == "recurrent" and not (rnn.output_size == n and torch.equal(rnn.rates(h), h)):
        raise ValueError(
            f"expected a network whose states are rates, with an output for each of {n} units, to "
            f"learn the recurrent weights, got {type(rnn).__name__} with {rnn.output_size} outputs"
        )
