"""Networks whose solution is known, and the same networks in other units."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from pyrnn import CTRNN, RNNBase
from pyrnn.tasks import FlipFlop

N_UNITS = 12


def _axes(n: int, turn: int) -> Tensor:
    rng = torch.Generator().manual_seed(turn)
    return torch.linalg.qr(torch.randn(N_UNITS, N_UNITS, generator=rng))[0][:, :n]


class Known(RNNBase):
    """A rule in a few hidden directions; ``scale`` changes the scales of the units alone."""

    def __init__(self, *, n_axes: int = 2, turn: int = 0, scale: float = 1.0) -> None:
        super().__init__(2, N_UNITS, 2, seed=0)
        self.register_buffer("axes", _axes(n_axes, turn))
        units = torch.linspace(-1, 1, N_UNITS) * torch.log(torch.tensor(scale))
        self.register_buffer("units", units.exp())

    def rule(self, z: Tensor, x: Tensor) -> Tensor:
        raise NotImplementedError

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        x = x + 0 * self.w_in(x)[..., :2]
        return (self.rule(h / self.units @ self.axes, x) @ self.axes.mT) * self.units


class Bits(Known):
    """Two independent bistable directions: 9 points."""

    def rule(self, z: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(2 * z + 3 * x)


class Potts(Known):
    """Four patterns, the winner takes all: 15 points."""

    def __init__(self, *, turn: int = 0, scale: float = 1.0) -> None:
        super().__init__(n_axes=4, turn=turn, scale=scale)

    def rule(self, z: Tensor, x: Tensor) -> Tensor:
        bits = x.new_tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]])
        return torch.softmax(8 * z + 8 * x @ bits.mT, -1)


@functools.cache
def trained(seed: int) -> RNNBase:
    """Return a network that remembers two bits."""
    rnn = CTRNN(2, 16, 2, seed=seed)
    rnn.fit(FlipFlop(2, n_trials=256, seed=seed), epochs=40, lr=0.03, seed=seed, progress=False)
    return rnn


def permuted(rnn: RNNBase, seed: int) -> RNNBase:
    """Return the same network with its units in another order, half of them with other signs."""
    rng = torch.Generator().manual_seed(seed)
    n = rnn.hidden_size
    order = torch.randperm(n, generator=rng)
    signs = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0).to(rnn.h0)
    other = type(rnn)(**rnn.config)
    with torch.no_grad():
        for name, layer in (("w_in", "rows"), ("w_rec", "both"), ("w_out", "columns")):
            weight = getattr(rnn, name).weight
            if layer in ("rows", "both"):
                weight = signs[:, None] * weight[order]
            if layer in ("columns", "both"):
                weight = weight[:, order] * signs
            getattr(other, name).weight = weight
            bias = getattr(rnn, name).bias
            if bias is not None:
                getattr(other, name).bias.copy_(
                    signs * bias[order] if layer != "columns" else bias
                )
    return other
