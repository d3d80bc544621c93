"""Recurrent cells as maps: torch's modules, with any number of layers, and pyrnn's own GRU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from pyrnn import cells
from pyrnn.arrays import States
from pyrnn.dynamics.maps._freeze import device_of, frozen_copy, is_product, owner_of
from pyrnn.dynamics.maps.map import CPU, Map, Network
from pyrnn.unroll import GRU_FORM, form_of

__all__ = ["CellMap", "cell_map"]

_CELLS = {nn.RNNCell: "RNN", nn.GRUCell: "GRU", nn.LSTMCell: "LSTM"}
_STACKS = {nn.RNN: "RNN", nn.GRU: "GRU", nn.LSTM: "LSTM"}


@runtime_checkable
class _Gated(Protocol):
    """A network of pyrnn with an input layer and a recurrent one."""

    dt: float
    w_in: nn.Linear
    w_rec: nn.Linear

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """Weights of one layer, as torch lays them out.

    Attributes:
        w_in: Weights of the input, ``(n_gates * hidden_size, n_inputs)``.
        w_rec: Weights of the state, ``(n_gates * hidden_size, output_size)``.
        b_in: Bias of the input, or None.
        b_rec: Bias of the state, or None.
        projection: From ``h`` to what the layer sends, ``(output_size, hidden_size)``, or None.
    """

    w_in: Tensor
    w_rec: Tensor
    b_in: Tensor | None
    b_rec: Tensor | None
    projection: Tensor | None = None

    def to(self, device: torch.device, dtype: torch.dtype) -> _Layer:
        """Return the same layer elsewhere, or in another dtype."""
        parts = (self.w_in, self.w_rec, self.b_in, self.b_rec, self.projection)
        cast = (None if p is None else p.detach().to(device, dtype, copy=True) for p in parts)
        return _Layer(*cast)  # type: ignore[arg-type]


def cell_map(
    network: Network, states: States | None = None, x: States | None = None
) -> Map | None:
    """Return the map of a recurrent module of torch or a ``GRU``, ``None`` for anything else.

    Args:
        network: An ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` or one of their cells, or pyrnn's ``GRU``.
        states: Not needed.
        x: Not needed.

    Raises:
        ValueError: If the module is bidirectional: it has no step.

    Example:
        >>> step = cell_map(nn.LSTM(3, 4, num_layers=2))
        >>> step.kind, step.parts
        ('LSTM', (4, 4, 4, 4))
        >>> cell_map(nn.Linear(3, 4))
    """
    module = owner_of(network)
    if module is None:
        return None
    if isinstance(module, _Gated) and "step" not in vars(module):
        return _gru_map(module)
    kind = _CELLS.get(type(module)) or _STACKS.get(type(module))  # type: ignore[call-overload]
    if kind is None or "forward" in vars(module):
        return None
    if isinstance(module, nn.RNNBase):
        if module.bidirectional:
            raise ValueError(
                f"expected a module that runs forward in time, got a bidirectional {kind}, whose "
                "state at a time depends on later inputs: it has no step to analyze"
            )
        layers = [_layer(module, f"_l{i}") for i in range(module.num_layers)]
    else:
        layers = [_layer(module, "")]
    activation = module.nonlinearity if isinstance(module, (nn.RNN, nn.RNNCell)) else "tanh"
    device = device_of(module)
    cast = tuple(layer.to(device, torch.float64) for layer in layers)
    return CellMap(kind, cast, activation, device=device)


def _gru_map(network: _Gated) -> CellMap | None:
    """Return the map of a network with the equation of a GRU; None if it does more than that."""
    if form_of(type(network).step) != GRU_FORM:
        return None
    device = device_of(network)  # type: ignore[arg-type]
    frozen = frozen_copy(network, torch.float64, device)  # type: ignore[type-var]
    w_in, w_rec = frozen.w_in, frozen.w_rec
    if not (is_product(w_in) and is_product(w_rec)):
        return None
    layer = _Layer(w_in.weight, w_rec.weight, w_in.bias, w_rec.bias).to(device, torch.float64)
    return CellMap("GRU", (layer,), dt=float(network.dt), device=device)


def _layer(module: nn.Module, suffix: str) -> _Layer:
    known = dict(module.named_parameters(recurse=False))
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    w_in, w_rec, b_in, b_rec, projection = (known.get(name + suffix) for name in names)
    assert w_in is not None
    assert w_rec is not None
    return _Layer(w_in, w_rec, b_in, b_rec, projection)


@dataclass(frozen=True, eq=False, repr=False)
class CellMap(Map):
    """The map of vanilla, GRU or LSTM layers as torch has them.

    The state is what torch returns as the last state, in torch's order: ``h`` of every layer,
    then, for an LSTM, ``c`` of every layer; :meth:`Map.split` gives them back.

    Args:
        kind: ``"RNN"``, ``"GRU"`` or ``"LSTM"``.
        layers: Weights of the layers, the first one takes the input.
        activation: ``"tanh"`` or ``"relu"``, of a vanilla network.
        dtype: Dtype of the weights.
        device: Their device.
        dt: Duration of a step in ms.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> gru = nn.GRU(3, 4, num_layers=2)
        >>> step, x = as_map(gru), torch.randn(5, 3)
        >>> h = step(torch.zeros(5, 8), x)
        >>> last = gru(x[None])[1]
        >>> bool(torch.allclose(torch.cat([*last], -1).double(), h, atol=1e-6))
        True
    """

    kind: str
    layers: tuple[_Layer, ...]
    activation: str = "tanh"
    dtype: torch.dtype = torch.float64
    device: torch.device = CPU
    dt: float = 1.0

    def __post_init__(self) -> None:
        sent = tuple(layer.w_rec.shape[1] for layer in self.layers)
        n_gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[self.kind]
        memories = tuple(layer.w_rec.shape[0] // n_gates for layer in self.layers)
        parts = sent + memories * (self.kind == "LSTM")
        known = {
            "state_size": sum(parts),
            "input_size": self.layers[0].w_in.shape[1],
            "parts": parts,
            "is_smooth": self.activation != "relu",
        }
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``."""
        before = h.split(self.parts, dim=-1)
        n_layers = len(self.layers)
        sent, memories = [], []
        for i, layer in enumerate(self.layers):
            if self.kind == "LSTM":
                x, memory = self._lstm(layer, before[i], before[n_layers + i], x)
                memories.append(memory)
            else:
                step = self._gru if self.kind == "GRU" else self._rnn
                x = step(layer, before[i], x)
            sent.append(x)
        return torch.cat([*sent, *memories], dim=-1)

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        if self.kind != "GRU" or len(self.layers) > 1:
            return super()._jacobian(h, x)
        (layer,) = self.layers
        from_input = functional.linear(x, layer.w_in, layer.b_in)
        from_state = functional.linear(h, layer.w_rec, layer.b_rec)
        stays, gains = cells.gru_slopes(h, from_input, from_state)
        n = h.shape[-1]
        blocks = gains.unflatten(-1, (3, n))[..., None] * layer.w_rec.view(3, n, n)
        jacobians = blocks.sum(-3)
        jacobians.diagonal(dim1=-2, dim2=-1).add_(stays)
        return jacobians

    def to(self, dtype: torch.dtype) -> CellMap:
        """Return the same map in another dtype."""
        if dtype == self.dtype:
            return self
        layers = tuple(layer.to(self.device, dtype) for layer in self.layers)
        return replace(self, layers=layers, dtype=dtype)

    def _rnn(self, layer: _Layer, h: Tensor, x: Tensor) -> Tensor:
        f = torch.relu if self.activation == "relu" else torch.tanh
        return f(
            functional.linear(x, layer.w_in, layer.b_in)
            + functional.linear(h, layer.w_rec, layer.b_rec)
        )

    def _gru(self, layer: _Layer, h: Tensor, x: Tensor) -> Tensor:
        from_input = functional.linear(x, layer.w_in, layer.b_in)
        return cells.gru(h, from_input, functional.linear(h, layer.w_rec, layer.b_rec))

    def _lstm(self, layer: _Layer, h: Tensor, c: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        gates = functional.linear(x, layer.w_in, layer.b_in)
        h, c = cells.lstm(c, gates + functional.linear(h, layer.w_rec, layer.b_rec))
        return (h if layer.projection is None else functional.linear(h, layer.projection)), c
