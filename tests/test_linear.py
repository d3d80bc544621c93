"""Layers whose weight is assigned, and evaluated once within a loop of calls."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn.constraints import Bounds, Dale, constrain
from pyrnn.linear import Constant, Linear, evaluated_once, has_hooks


@pytest.mark.parametrize("value", [torch.ones(1, 2), np.ones((1, 2)), [[1.0, 1.0]]])
@pytest.mark.parametrize("is_constrained", [False, True])
def test_weights_are_assigned(value: object, is_constrained: bool) -> None:
    layer = Linear(2, 1)
    if is_constrained:
        constrain(layer, Dale([1, 1]))
    before = [name for name, _ in layer.named_parameters()]
    layer.weight = value
    layer.bias = [0.5]
    assert layer.weight.tolist() == [[1.0, 1.0]]
    assert layer(torch.tensor([1.0, 2.0])).item() == 3.5
    assert [name for name, _ in layer.named_parameters()] == before


def test_an_assigned_tensor_is_copied() -> None:
    layer, value = Linear(2, 1), torch.ones(1, 2)
    layer.weight = value
    value.zero_()
    assert layer.weight.tolist() == [[1.0, 1.0]]


def test_another_parameter_takes_the_place_of_the_former() -> None:
    layer, parameter = Linear(2, 1), nn.Parameter(torch.ones(1, 2))
    layer.weight = parameter
    assert layer.weight is parameter


@pytest.mark.parametrize("make", [torch.ones, lambda *shape: nn.Parameter(torch.ones(*shape))])
def test_a_weight_of_another_shape_is_refused(make: object) -> None:
    layer = Linear(2, 1)
    with pytest.raises(
        ValueError, match=r"weight of shape \(1, 2\), got \(2, 1\); rows are posts"
    ):
        layer.weight = make(2, 1)


@pytest.mark.parametrize("value", [[[2.0, 0.0]], [[torch.nan, 0.0]]])
def test_a_weight_that_violates_a_constraint_is_refused(value: object) -> None:
    layer = constrain(Linear(2, 1), Bounds(-1.0, 1.0))
    with pytest.raises(ValueError, match="weights within their constraints, got"):
        layer.weight = value


class Counted(nn.Module):
    """A parametrization that counts how often it is evaluated."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 0

    def forward(self, value: Tensor) -> Tensor:
        self.n += 1
        return 2 * value


def test_weights_are_evaluated_once_within_a_loop() -> None:
    module = nn.ModuleDict({"layer": Linear(2, 1), "constant": Constant(torch.ones(2))})
    x = torch.ones(2)
    expected = 2 * module["layer"].weight.sum() + module["layer"].bias
    for part in module.values():
        nn.utils.parametrize.register_parametrization(part, "weight", Counted())
    counters = [part.parametrizations.weight[0] for part in module.values()]
    before = [counter.n for counter in counters]
    with evaluated_once(module):
        for _ in range(5):
            assert_close(module["layer"](x), expected)
            assert_close(module["constant"](), 2 * torch.ones(2))
    assert [counter.n for counter in counters] == [n + 1 for n in before]
    module["layer"](x)
    assert counters[0].n == before[0] + 2


def test_a_loop_of_another_thread_sees_nothing_of_it() -> None:
    layer, x, found = Linear(2, 1), torch.ones(2), []
    with evaluated_once(layer, {layer: lambda x: x}):
        thread = threading.Thread(target=lambda: found.append(layer(x)))
        thread.start()
        thread.join()
        assert layer(x) is x
    assert_close(found[0], layer(x))


@pytest.mark.parametrize(
    "register",
    [
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
    ],
)
def test_hooks_are_found(register: str) -> None:
    layer = Linear(2, 1)
    handle = getattr(layer, register)(lambda *args: None)
    assert has_hooks(layer)
    handle.remove()
    assert not has_hooks(layer)
