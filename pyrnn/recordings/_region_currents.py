"""Currents that each region sends to each other region."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.arrays import ArrayLike
from pyrnn.base import RNNBase
from pyrnn.connectivity import Connectivity
from pyrnn.validate import as_tensor, check_kind

__all__ = ["region_currents"]


def region_currents(
    network: RNNBase, rates: ArrayLike, inputs: ArrayLike, connectivity: Connectivity
) -> dict[tuple[str, str], Tensor]:
    r"""Split the current into each region by where it comes from.

    .. math:: z_A(t) = \sum_B W_{AB}\, r_B(t - 1) + U_A\, x(t) + b_A

    Args:
        network: A network, such as that of a fit.
        rates: Rates, ``(..., time, units)``.
        inputs: Inputs of the same steps, ``(..., time, input_size)``.
        connectivity: The regions.

    Returns:
        Currents ``(..., time - 1, units of the target)`` by target and source. Sources are the
        regions, ``"input"`` and ``"bias"``; their sum is the whole current.

    Raises:
        ValueError: If the shapes do not fit together.

    Example:
        >>> from pyrnn import RateRNN
        >>> from pyrnn.connectivity import MultiRegion, Region
        >>> brain = MultiRegion(Region("V1", 4), Region("V2", 3)).connect("V1", "V2").build(2, 1)
        >>> rnn, inputs = RateRNN(2, 7, 1, connectivity=brain), torch.randn(5, 20, 2)
        >>> currents = region_currents(rnn, rnn.predict(inputs).states, inputs, brain)
        >>> currents["V2", "V1"].shape, currents["V1", "V2"].any().item()
        (torch.Size([5, 19, 3]), False)

    References:
        Perich et al., *Inferring brain-wide interactions using data-constrained recurrent neural
        network models*, bioRxiv (2020).
    """
    check_kind("network", network, RNNBase)
    check_kind("connectivity", connectivity, Connectivity)
    w_rec, w_in = network.w_rec.weight.detach(), network.w_in.weight.detach()
    r, x = as_tensor("rates", rates).to(w_rec), as_tensor("inputs", inputs).to(w_rec)
    if r.shape[:-1] != x.shape[:-1] or r.shape[-1] != connectivity.n_units:
        raise ValueError(
            f"expected rates of shape (..., time, {connectivity.n_units}) and inputs of the same "
            f"steps, got {tuple(r.shape)} and {tuple(x.shape)}"
        )
    before, now = r[..., :-1, :], x[..., 1:, :]
    currents = {}
    for target, region in connectivity.regions.items():
        for source, other in connectivity.regions.items():
            block = connectivity.block(w_rec, target, source)
            currents[target, source] = other.of(before) @ block.mT
        currents[target, "input"] = now @ w_in[region.units].mT
        currents[target, "bias"] = _bias(network)[region.units].expand(*now.shape[:-1], -1)
    return currents


def _bias(network: RNNBase) -> Tensor:
    """Return the constant current into each unit, ``(units,)``."""
    biases = (network.w_rec.bias, network.w_in.bias)
    known = [bias.detach() for bias in biases if bias is not None]
    return sum(known, torch.zeros_like(network.w_rec.weight[0]).detach())
