"""Arguments become plain values, or are refused with what was expected and what was given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pyrnn import RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import L1, evaluate, mse
from pyrnn.validate import (
    as_boolean,
    as_bound,
    as_choice,
    as_integer,
    as_list,
    as_names,
    as_number,
    as_rng,
    as_seed,
    as_tensor,
    check_callable,
    check_finite,
)

TASK = FlipFlop(n_bits=1, n_trials=8, duration=100.0)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_whole_numbers_become_int(value: object) -> None:
    found = as_integer("n", value, low=3)
    assert (found, type(found)) == (3, int)


@pytest.mark.parametrize("value", [3.0, "3", True, np.bool_(True), None, torch.ones(2), [3]])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(TypeError, match="expected n to be a whole number of at least 1, got"):
        as_integer("n", value, low=1)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int8(2), torch.tensor(2.0)])
def test_numbers_become_float(value: object) -> None:
    found = as_number("x", value, above=0, low=2, high=2)
    assert (found, type(found)) == (2.0, float)


@pytest.mark.parametrize("value", ["2", True, None, 1j, torch.ones(2), torch.tensor(True)])
def test_what_is_no_number(value: object) -> None:
    with pytest.raises(TypeError, match=r"expected x to be a number > 0 \(in ms\), got"):
        as_number("x", value, above=0, unit="ms")


@pytest.mark.parametrize("value", [0, -1, torch.nan, torch.inf, 10**400])
def test_numbers_out_of_bounds(value: float) -> None:
    with pytest.raises(ValueError, match="expected x to be a number > 0, got"):
        as_number("x", value, above=0)


def test_bounds_may_be_infinite_but_not_nan() -> None:
    assert as_bound("low", -np.inf) == -torch.inf
    with pytest.raises(ValueError, match="low to be a number, perhaps infinite, got nan"):
        as_bound("low", np.nan)
    with pytest.raises(TypeError, match="low to be a number, got 'small'"):
        as_bound("low", "small")


def test_booleans() -> None:
    assert as_boolean("flag", np.bool_(True)) is True
    for value in (0, 1, "no", None, torch.tensor(True)):
        with pytest.raises(TypeError, match="expected flag to be True or False, got"):
            as_boolean("flag", value)


@pytest.mark.parametrize(
    "given", [np.arange(3), torch.arange(3), range(3), iter((0, 1, 2)), {0, 1, 2}]
)
def test_lists(given: object) -> None:
    assert as_list("periods", given, "whole numbers") == [0, 1, 2]


@pytest.mark.parametrize("given", ["012", b"012", {0: 1}, 3, None, np.array(3), torch.tensor(3)])
def test_what_is_no_list(given: object) -> None:
    with pytest.raises(TypeError, match=r"periods to be a list of whole numbers, got .*; try 2"):
        as_list("periods", given, "whole numbers", "try 2")


def test_names() -> None:
    assert as_choice("kind", "a", ("a", "b")) == "a"
    assert as_names("kinds", {"b"}, ("a", "b")) == ["b"]
    with pytest.raises(TypeError, match="kind to be one of a, b; got 3"):
        as_choice("kind", 3, ("a", "b"))
    with pytest.raises(ValueError, match="kind to be one of a, b; got 'c'"):
        as_choice("kind", "c", ("a", "b"))
    for values in ("a", 3, None):
        with pytest.raises(
            TypeError, match=r"kinds to be a list of names, got .*; choose among a, b"
        ):
            as_names("kinds", values, ("a", "b"))
    with pytest.raises(ValueError, match="every name in kinds to be one of a, b; got 'c'"):
        as_names("kinds", ["c"], ("a", "b"))


def test_tensors() -> None:
    assert as_tensor("x", np.ones(2, dtype=np.float32)).dtype == torch.float32
    for values in ("a", [True], np.ones(2, dtype=complex), [[1], [1, 2]], None, object()):
        with pytest.raises(TypeError, match=r"expected x to be .*; pass an array"):
            as_tensor("x", values, "pass an array")


def test_finite_numbers() -> None:
    large = torch.full((4,), 3e38, dtype=torch.float32)  # their sum is infinite
    assert check_finite("x", large) is large
    with pytest.raises(ValueError, match="finite x, got 2 values that are NaN or infinite; stop"):
        check_finite("x", torch.tensor([torch.nan, 1.0, torch.inf]), "stop")


def test_seeds_and_generators() -> None:
    assert as_seed("seed", -5) == -5
    for value in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="seed to be a whole number of 64 bits"):
            as_seed("seed", value)
    rng = torch.Generator()
    assert as_rng(rng) is rng
    assert as_rng(2**64 - 1).initial_seed() == 2**64 - 1
    for given in (1.5, "0", 2**64, np.random.default_rng(0)):
        with pytest.raises(TypeError, match=r"rng to be a torch.Generator or a seed"):
            as_rng(given)


class OwnLoss(RNN):
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:  # type: ignore[override]
        return (outputs - targets).square().mean()


@pytest.mark.parametrize(
    "loss", [nn.MSELoss(), functional.mse_loss, lambda y, t: mse(y, t), lambda *, y: y]
)
def test_losses_that_take_no_mask(loss: Callable[..., Tensor]) -> None:
    with pytest.raises(TypeError, match=r"loss\(outputs, targets, mask\), got one of \(.*lambda"):
        RNN(1, 4, 1).fit(TASK, loss=loss, progress=False)
    with pytest.raises(TypeError, match=r"loss\(outputs, targets, mask\)"):
        evaluate(RNN(1, 4, 1), TASK, loss=loss)


def test_the_loss_of_a_network() -> None:
    with pytest.raises(TypeError, match=r"loss\(outputs, targets, mask\).*\(outputs.*targets"):
        OwnLoss(1, 4, 1).fit(TASK, progress=False)


def test_penalties_and_callbacks() -> None:
    rnn = RNN(1, 4, 1)
    with pytest.raises(TypeError, match=r"expected energy\(rnn, rollout\), got one of \(rnn\)"):
        rnn.fit(TASK, penalties={"l1": L1(0.1), "energy": lambda rnn: 0}, progress=False)
    with pytest.raises(TypeError, match=r"expected callback\(training\), got one of \(\)"):
        rnn.fit(TASK, callbacks=[lambda: True], progress=False)
    assert rnn.history is None


@pytest.mark.parametrize("function", [torch.mul, mse, lambda *fields: 0, RNN(1, 4, 1).loss])
def test_what_may_be_called_is_let_through(function: Callable[..., Tensor]) -> None:
    check_callable("loss", function, "outputs", "targets")
