"""Lesions as factors on the weights of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from pyrnn.base import RNNBase
from pyrnn.interventions._targets import Target
from pyrnn.linear import Linear, evaluated_once
from pyrnn.options import LAYERS

__all__ = ["Cuts", "check_acts", "cuts_of", "layers_of", "with_weights"]


class Cuts(NamedTuple):
    """Factors on the weights of all layers, for several lesions.

    Attributes:
        columns: For each layer the factors on what it reads, ``(n, in_features)``.
        connections: Factors on the recurrent weights, ``(n, rows, hidden_size)``, or None.
        is_silent: Which units of each lesion send nothing, ``(n, hidden_size)``.
    """

    columns: dict[str, Tensor]
    connections: Tensor | None
    is_silent: Tensor

    def part(self, first: int, last: int) -> Cuts:
        """Return some of the lesions."""
        connections = self.connections
        return Cuts(
            {name: factors[first:last] for name, factors in self.columns.items()},
            None if connections is None else connections[first:last],
            self.is_silent[first:last],
        )

    def replacements(self, network: RNNBase) -> dict[nn.Module, Callable[[Tensor], Tensor]]:
        """Return functions of ``(n, ..., in_features)`` that stand in for the layers."""
        found = {}
        for name, layer in layers_of(network).items():
            connections = self.connections if name == "w_rec" else None
            if connections is not None or (self.columns[name] != 1).any():
                found[layer] = _scaled(layer, self.columns[name], connections)
        return found  # type: ignore[return-value]


def cuts_of(network: RNNBase, targets: list[Target], strengths: Tensor) -> Cuts:
    """Return the factors of some lesions.

    Args:
        network: The network.
        targets: What each lesion scales.
        strengths: What each lesion leaves, ``(n,)``.
    """
    like, n = network.h0.detach(), len(targets)
    columns = {
        name: like.new_ones(n, layer.in_features) for name, layer in layers_of(network).items()
    }
    rows = network.w_rec.out_features // network.hidden_size
    has_connections = any(target.connections is not None for target in targets)
    size = network.hidden_size
    connections = like.new_ones(n, rows * size, size) if has_connections else None
    for i, (target, strength) in enumerate(zip(targets, strengths.tolist(), strict=True)):
        if target.layer:
            columns[target.layer][i] = strength
        for name in ("w_rec", "w_out"):
            columns[name][i, target.units.to(like.device)] = strength
        if connections is not None and target.connections is not None:
            factor = torch.where(target.connections.to(like.device), strength, 1.0)
            connections[i] = factor.repeat(rows, 1).to(like)
    is_silent = torch.zeros(n, size, dtype=torch.bool, device=like.device)
    for i, target in enumerate(targets):
        is_silent[i, target.units.to(like.device)] = strengths[i] == 0
    return Cuts(columns, connections, is_silent)


def layers_of(network: RNNBase) -> dict[str, Linear]:
    """Return the layers by name; refuse those that a user exchanged for something else.

    Args:
        network: The network.

    Raises:
        TypeError: If a layer cannot be replaced.
    """
    found = {"w_in": network.w_in, "w_rec": network.w_rec, "w_out": network.w_out}
    for name, layer in found.items():
        if not isinstance(layer, Linear) or type(layer).forward is not Linear.forward:
            raise TypeError(
                f"expected {name} to be a layer of pyrnn, got {type(layer).__name__} with a "
                "forward of its own; interventions scale what its weights transmit"
            )
    return {name: found[name] for name in LAYERS}


def _scaled(layer: Linear, columns: Tensor, connections: Tensor | None) -> Callable[..., Tensor]:
    """Return a layer that scales what it reads, and its connections, for each lesion."""
    weight, bias = layer.weight, layer.bias

    def scaled(x: Tensor) -> Tensor:
        x = x * columns.view(len(columns), *[1] * (max(x.dim(), 3) - 2), -1)
        if connections is None:
            return functional.linear(x, weight, bias)
        product = x @ (weight * connections).mT
        return product if bias is None else product + bias

    return scaled


def with_weights(layer: Linear, factor: Tensor, rows: Tensor | None) -> None:
    """Give a layer scaled weights in place of its own, which stay as they are.

    Args:
        layer: The layer.
        factor: Factors on its weights.
        rows: Factors on what it sends to each unit, ``(out_features,)``, also on the bias.
    """
    bias: Tensor | None = layer.bias
    weight = layer.weight.detach() * factor
    if rows is not None:
        weight = weight * rows[:, None]
        bias = None if bias is None else bias.detach() * rows
    attributes = vars(layer)
    if parametrize.is_parametrized(layer):
        layer.__class__ = type(layer).__bases__[0]  # type: ignore[assignment]
        kept = {k: v for k, v in layer._modules.items() if k != "parametrizations"}
        attributes["_modules"] = kept
    attributes["_parameters"] = {
        "weight": nn.Parameter(weight, requires_grad=False),
        "bias": None if bias is None else nn.Parameter(bias, requires_grad=False),
    }


def check_acts(network: RNNBase, target: Target) -> None:
    """Check that a unit acts on other units and on the outputs through its layers alone.

    Args:
        network: The network, in evaluation mode.
        target: The target.

    Raises:
        ValueError: If a unit that sends nothing still acts on others.
    """
    if not len(target.units):
        return
    like, size = network.h0.detach(), network.state_size
    rng = torch.Generator().manual_seed(0)
    h = (0.5 * torch.randn(1, 2, size, generator=rng)).to(like)
    mine = (target.units[:, None] + network.hidden_size * torch.arange(size)).flatten()
    mine = mine[mine < size]
    h[:, 1, :] = h[:, 0]
    h[:, 1, mine] += 1.0
    cuts = cuts_of(network, [target], torch.zeros(1))
    with evaluated_once(network, cuts.replacements(network)):
        new = network.step(h, like.new_zeros(1, 2, network.input_size))
        outputs = network.readout(h)
    others = torch.ones(size, dtype=torch.bool)
    others[mine] = False
    same_states = torch.allclose(new[0, 0, others], new[0, 1, others], rtol=1e-4, atol=1e-6)
    if not same_states or not torch.allclose(outputs[0, 0], outputs[0, 1], rtol=1e-4, atol=1e-6):
        what = "readout(states)" if same_states else "step(h, x)"
        raise ValueError(
            f"expected units that act through w_rec and w_out alone, got {what} of "
            f"{type(network).__name__}, in which {target.label} still acts without these layers; "
            "write it with self.w_rec(...) and self.w_out(...), or use clamp"
        )
