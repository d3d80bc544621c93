"""Copies of modules that no analysis can change, and functions whose constants are cast."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import MethodType
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from pyrnn.linear import Linear, has_hooks

__all__ = ["Casting", "device_for", "device_of", "frozen_copy", "is_product", "owner_of"]

logger = logging.getLogger(__name__)

_Module = TypeVar("_Module", bound=nn.Module)


def owner_of(network: object) -> nn.Module | None:
    """Return the module that a network is, or whose ``step`` it is; ``None`` for a function.

    Args:
        network: What an analysis was given.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 2, 1)
        >>> owner_of(rnn.step) is rnn, owner_of(lambda h, x: h)
        (True, None)
    """
    if isinstance(network, MethodType) and network.__name__ == "step":
        network = network.__self__
    return network if isinstance(network, nn.Module) else None


def device_for(device: torch.device) -> torch.device:
    """Return a device that has float64: the given one, or else the CPU, which is logged.

    Args:
        device: Where a network is.

    Example:
        >>> device_for(torch.device("mps"))
        device(type='cpu')
    """
    if device.type != "mps":
        return device
    logger.info("the analysis runs on the CPU: %s has no float64", device)
    return torch.device("cpu")


def device_of(module: nn.Module) -> torch.device:
    """Return the device on which to analyze a module.

    Args:
        module: The module.

    Example:
        >>> device_of(nn.Linear(1, 1))
        device(type='cpu')
    """
    tensors = [*module.parameters(), *module.buffers()]
    return device_for(tensors[0].device if tensors else torch.device("cpu"))


class Casting(TorchFunctionMode):
    """Convert every floating tensor that reaches a function of torch to one dtype.

    Within the context all floating tensors also claim to have this dtype, for modules that compare
    the dtype of their input with that of their weights.

    Args:
        dtype: The dtype.

    Example:
        >>> weight, state = torch.ones(2), torch.ones(2, dtype=torch.float64)
        >>> with Casting(torch.float64):
        ...     (weight @ state).dtype, weight.dtype
        (torch.float64, torch.float64)
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(  # type: ignore[explicit-any]
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if func is _DTYPE:
            known = func(*args)
            return (
                self.dtype if isinstance(known, torch.dtype) and known.is_floating_point else known
            )
        return func(*tree_map(self._cast, args), **tree_map(self._cast, kwargs or {}))

    def _cast(self, value: object) -> object:
        is_other = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(self.dtype) if is_other else value  # type: ignore[attr-defined]


_DTYPE = Tensor.dtype.__get__  # type: ignore[attr-defined]


class _Product(nn.Linear):
    """A layer of a frozen copy: its call is the product alone, without the rest of a module's."""

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


def is_product(layer: nn.Module) -> bool:
    """Return whether a layer of a frozen copy multiplies by its weight and adds its bias only.

    Args:
        layer: The layer.

    Example:
        >>> is_product(frozen_copy(nn.Linear(2, 2), torch.float64, torch.device("cpu")))
        True
    """
    return isinstance(layer, _Product)


def frozen_copy(module: _Module, dtype: torch.dtype, device: torch.device) -> _Module:
    """Copy a module in evaluation mode with its parameters and buffers cast and moved.

    Weights under constraints are evaluated once. Attributes other than tensors and modules are
    shared with the original.

    Args:
        module: The module; it is left as it is.
        dtype: Dtype of the floating tensors of the copy.
        device: Device of the copy.

    Returns:
        A module of the same class (without its parametrizations) that does not learn.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> copy = frozen_copy(layer, torch.float64, torch.device("cpu"))
        >>> copy.weight.dtype, copy.weight.requires_grad, layer.weight.dtype
        (torch.float64, False, torch.float32)
    """
    if isinstance(module, nn.RNNBase):  # keeps its parameters in a list of its own, too
        return deepcopy(module).to(device, dtype).eval().requires_grad_(False)

    def cast(value: Tensor | None) -> Tensor | None:
        if value is None:
            return None
        own = dtype if value.is_floating_point() else value.dtype
        return value.detach().to(device, own, copy=True)

    copy = module.__new__(type(module))
    copy.__dict__ = dict(module.__dict__) | {"training": False}
    parameters = {name: cast(value) for name, value in module._parameters.items()}
    copy.__dict__["_parameters"] = {
        name: None if value is None else nn.Parameter(value, requires_grad=False)
        for name, value in parameters.items()
    }
    copy.__dict__["_buffers"] = {name: cast(value) for name, value in module._buffers.items()}
    copy.__dict__["_modules"] = {
        name: None if part is None else frozen_copy(part, dtype, device)
        for name, part in module._modules.items()
    }
    if parametrize.is_parametrized(copy):
        _settle(copy)
    is_linear = type(copy) in (nn.Linear, Linear, _Product) and "forward" not in vars(copy)
    if is_linear and not has_hooks(copy):
        copy.__class__ = _Product  # type: ignore[assignment]
        copy.__dict__.update(copy._parameters)
    return copy


def _settle(module: nn.Module) -> None:
    """Turn what parametrizations make of parameters into parameters."""
    parts: nn.ModuleDict = module.parametrizations  # type: ignore[assignment]
    values = {name: getattr(module, name) for name in parts}
    del module._modules["parametrizations"]
    module.__class__ = type(module).__bases__[0]
    for name, value in values.items():
        module._parameters[name] = nn.Parameter(value, requires_grad=False)
