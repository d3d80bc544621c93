"""Constraints are exact: after any optimizer, load, copy and change of type."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import pyrnn
from pyrnn import CTRNN
from pyrnn.constraints import (
    Bounds,
    Constraint,
    Dale,
    Fixed,
    Mask,
    SignedMask,
    confine,
    constrain,
    intervals,
)
from pyrnn.training._optim import OPTIMIZERS

N = 10
SIGNS = 1.0 - 2.0 * (torch.arange(N) >= 8)
NO_AUTAPSES = ~torch.eye(N, dtype=torch.bool)
OPTIONS = {  # of every optimizer the settings that push hardest
    "adam": {"lr": 0.05, "weight_decay": 0.1},
    "adamw": {"lr": 0.05, "weight_decay": 0.1},
    "sgd": {"lr": 1.0},
    "rmsprop": {"lr": 0.05},
    "rprop": {"lr": 0.05},
    "lbfgs": {"lr": 0.1, "max_iter": 2},
}


def constrained() -> CTRNN:
    """Return a network with every kind of constraint at once."""
    mask = torch.rand(N, N, generator=torch.Generator().manual_seed(3)) < 0.7
    rnn = CTRNN(
        2,
        N,
        2,
        dale_ratio=0.8,
        autapses=False,
        connectivity={"w_rec": mask, "w_in": torch.tensor([[1, -1]] * N)},
        train_tau=True,
        tau_bounds=(50.0, 200.0),
        seed=0,
    )
    values = torch.full((2, N), torch.nan)
    values[0, :3] = 0.25
    constrain(rnn.w_out, Fixed(values))
    rnn.mask = mask  # type: ignore[assignment]
    return rnn


def assert_exact(rnn: CTRNN) -> None:
    weight = rnn.w_rec.weight.detach()
    assert bool((weight[:, :8] >= 0).all())
    assert bool((weight[:, 8:] <= 0).all())
    assert bool((weight.diagonal() == 0).all())
    assert bool((weight[~rnn.mask] == 0).all())
    assert bool((rnn.w_in.weight[:, 0] >= 0).all())
    assert bool((rnn.w_in.weight[:, 1] <= 0).all())
    assert bool((rnn.w_out.weight[0, :3] == 0.25).all())
    assert bool((rnn.tau >= 50).all())
    assert bool((rnn.tau <= 200).all())


def train(rnn: CTRNN, name: str, n_steps: int) -> None:
    """Pull every weight towards a value that the constraints forbid to most of them."""
    rng = torch.Generator().manual_seed(1)
    layers = (rnn.w_in, rnn.w_rec, rnn.w_out)
    goals = [torch.randn(layer.weight.shape, generator=rng).to(rnn.h0) for layer in layers]
    optimizer = OPTIMIZERS[name](rnn.parameters(), **OPTIONS[name])

    def closure() -> Tensor:
        optimizer.zero_grad()
        weights = [layer.weight for layer in layers]
        loss = sum((w - goal).square().sum() for w, goal in zip(weights, goals, strict=True))
        loss = loss + (rnn.tau / 500.0).log().square().sum()
        loss.backward()
        return loss

    for _ in range(n_steps):
        optimizer.step(closure)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_constraints_survive_optimizers_loads_and_copies(name: str, tmp_path: Path) -> None:
    """500 steps, then every way to move a network; the weights must also have moved."""
    rnn = constrained()
    assert_exact(rnn)
    before = rnn.w_rec.weight.detach().clone()
    train(rnn, name, n_steps=500)
    assert_exact(rnn)
    assert not torch.equal(before, rnn.w_rec.weight)

    mask, state = rnn.mask, rnn.state_dict()
    moved = [copy.deepcopy(rnn), constrained(), pyrnn.load(rnn.save(tmp_path / "rnn.pt"))]
    moved[1].load_state_dict(state)
    for other in moved:
        other.mask = mask
        assert torch.equal(other.w_rec.weight, rnn.w_rec.weight)
        train(other, name, n_steps=5)
        assert_exact(other)
    for dtype in (torch.float32, torch.float64):
        train(rnn.to(dtype), name, n_steps=5)
        assert_exact(rnn)


def test_any_state_dict_becomes_admissible() -> None:
    rnn = constrained()
    wild = {name: 10 * torch.randn_like(value) for name, value in rnn.state_dict().items()}
    rnn.load_state_dict(wild)
    assert_exact(rnn)


@pytest.mark.parametrize("seed", range(3))
def test_combinations_commute(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    constraints: list[Constraint] = [
        Dale(SIGNS),
        Mask(NO_AUTAPSES),
        Mask(torch.rand(N, N, generator=rng) < 0.5),
        Bounds(-0.3, 0.4),
    ]
    start = torch.randn(N, N, generator=rng)
    weights = []
    for order in itertools.permutations(constraints):
        layer = nn.Linear(N, N)
        with torch.no_grad():
            layer.weight.copy_(start)
        weights.append(constrain(layer, *order).weight)
        one_by_one = nn.Linear(N, N)
        with torch.no_grad():
            one_by_one.weight.copy_(start)
        for constraint in order:
            constrain(one_by_one, constraint)
        low, high = intervals(one_by_one) or (None, None)
        assert torch.equal(low, intervals(layer)[0])
        assert torch.equal(high, intervals(layer)[1])
    assert all(torch.equal(weight, weights[0]) for weight in weights)


def test_dale_columns_are_presynaptic() -> None:
    weight = constrain(nn.Linear(3, 5), Dale([1, -1, 0])).weight
    assert bool((weight[:, 0] >= 0).all())
    assert bool((weight[:, 1] <= 0).all())
    assert weight[:, 2].sign().unique().numel() == 2


def test_dale_is_the_absolute_value_times_the_sign() -> None:
    layer = nn.Linear(N, N)
    before = layer.weight.detach().clone()
    assert_close(constrain(layer, Dale(SIGNS)).weight, before.abs() * SIGNS)


def test_bounds_reflect_back_and_forth() -> None:
    layer = nn.Linear(1, 6)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, 1.25, 2.25, 3.25, -0.25, -1.5])[:, None])
    weight = constrain(layer, Bounds(0.0, 1.0)).weight
    assert_close(weight[:, 0], torch.tensor([0.5, 0.75, 0.25, 0.75, 0.25, 0.5]))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.5, 1.0, 0.5),
        (-2.0, -0.5, -0.5),
        (0.5, torch.inf, 0.5),
        (-torch.inf, -0.5, -0.5),
        (-0.1, 1.0, 0.0),
        (-torch.inf, torch.inf, 0.0),
    ],
)
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_weight_decay_pulls_to_the_admissible_value_nearest_to_zero(
    name: str, low: float, high: float, expected: float
) -> None:
    """Weights between 0.5 and 1 all ended at 1, the reflection of zero at 0.5."""
    layer = constrain(nn.Linear(4, 4, bias=False), Bounds(low, high))
    optimizer = OPTIMIZERS[name](layer.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(1500):
        optimizer.zero_grad()
        (0 * layer.weight.sum()).backward()
        optimizer.step()
    assert_close(layer.weight, torch.full((4, 4), expected), rtol=0, atol=2e-3)


def test_weight_decay_of_a_signed_weight_is_that_of_the_weight() -> None:
    """One step of AdamW without a gradient scales a weight under Dale's law by 1 - lr decay."""
    layer = constrain(nn.Linear(N, N, bias=False), Dale(SIGNS))
    before = layer.weight.detach().clone()
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.2)
    (0 * layer.weight.sum()).backward()
    optimizer.step()
    assert_close(layer.weight, 0.98 * before)


@pytest.mark.parametrize("constraint", [Dale([1.0]), Dale([-1.0]), Bounds(0.0, 2.0)])
def test_a_weight_of_zero_learns(constraint: Constraint) -> None:
    """The gradient at the wall is alive: a readout that starts at zero isn't stuck there."""
    layer = nn.Linear(1, 1)
    nn.init.zeros_(layer.weight)
    constrain(layer, constraint).weight.sum().backward()
    assert layer.parametrizations.weight.original.grad.abs() == 1


def test_admissible_weight_can_be_assigned_and_others_not() -> None:
    layer = constrain(nn.Linear(2, 2), Dale([1, -1]))
    good = torch.tensor([[1.0, -2.0], [0.0, 0.0]])
    layer.weight = good
    assert torch.equal(layer.weight, good)
    with pytest.raises(ValueError, match=r"got 3 at \[1, 1\], outside \[-inf, 0\]"):
        layer.weight = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    with pytest.raises(ValueError, match=r"a weight of shape \(2, 2\), got \(1, 2\)"):
        layer.weight = good[:1]


@pytest.mark.parametrize("convert", [Tensor.clone, Tensor.numpy, Tensor.float])
def test_an_assigned_weight_is_a_copy(convert: Callable[[Tensor], Any]) -> None:
    layer, weight = constrain(nn.Linear(2, 1), Dale([1, -1])), torch.tensor([[0.5, -1.0]])
    given = convert(weight)
    layer.weight = given
    torch.optim.SGD(layer.parameters(), lr=0.1).step(lambda: layer(weight).sum().backward())
    assert given.tolist() == weight.tolist() != layer.weight.tolist()
    assert layer.weight.dtype == weight.dtype


def test_bounds_are_copies() -> None:
    low, high = torch.zeros(2, 2), torch.ones(2, 2)
    layer = constrain(nn.Linear(2, 2), Bounds(low, high))
    before = layer.weight.tolist()
    low.fill_(5.0)
    high.fill_(7.0)
    assert layer.weight.tolist() == before
    assert [bound.unique().tolist() for bound in intervals(layer)] == [[0.0], [1.0]]


def test_bounds_may_be_those_of_rows_columns_or_all() -> None:
    for low in (torch.tensor(0.5), torch.tensor([[0.5], [1.0]]), torch.tensor([0.5, 1.0, 1.5])):
        found, _ = intervals(constrain(nn.Linear(3, 2), Bounds(low)))
        assert torch.equal(found, low.expand(2, 3))
    for low in (torch.zeros(2), torch.zeros(3, 1)):
        with pytest.raises(ValueError, match=r"low of shape \(2, 3\), like the weight"):
            constrain(nn.Linear(3, 2), Bounds(low))


def test_the_name_of_a_weight_is_text() -> None:
    with pytest.raises(TypeError, match="expected name to be"):
        constrain(nn.Linear(2, 2), Dale([1, 1]), name=3)  # type: ignore[arg-type]


def test_bounds_of_another_shape_confine_nothing() -> None:
    low, high = torch.zeros(2, 2), torch.ones(2, 2)
    for bounds in ((low[:1], high), (low, high[:1])):
        with pytest.raises(ValueError, match=r"bounds of shape \(2, 2\), got \(1, 2\)"):
            confine(nn.Linear(2, 2), *bounds)


def test_writing_into_a_constrained_weight_changes_nothing() -> None:
    """As constrain says: assign it."""
    layer = constrain(nn.Linear(2, 1), Dale([1, -1]))
    before = layer.weight.tolist()
    nn.init.zeros_(layer.weight)
    assert layer.weight.tolist() == before


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (
            (Dale([1, -1]), SignedMask([[-1, -1], [1, -1]])),
            "agree, got Dale, SignedMask with no value left",
        ),
        ((Dale([1, 1]), Bounds(high=-0.1)), "agree, got Dale, Bounds"),
        ((Mask([[1, 0], [1, 1]]), Fixed([[0.0, 0.5], [0.0, 0.0]])), "agree, got Mask, Fixed"),
        ((Dale([1, 1, -1]),), r"signs of shape \(2,\), got \(3,\)"),
        ((Mask([[1, 0]]),), r"mask of shape \(2, 2\), got \(1, 2\)"),
        ((Fixed([[1.0, 0.0]]),), r"values of shape \(2, 2\), got \(1, 2\)"),
        ((SignedMask([[1, 0]]),), r"signs of shape \(2, 2\), got \(1, 2\)"),
    ],
)
def test_contradictions_and_shapes(constraints: tuple[Constraint, ...], message: str) -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    with pytest.raises(ValueError, match=message):
        constrain(layer, *constraints)
    assert torch.equal(layer.weight, before)  # refused as a whole


def test_dale_wants_one_sign_per_unit() -> None:
    with pytest.raises(ValueError, match=r"one sign for each presynaptic unit.*got \(1, 2\)"):
        Dale([[1, -1]])  # type: ignore[list-item]


def test_bounds_in_the_wrong_order() -> None:
    with pytest.raises(ValueError, match=r"low <= high, got low=1.0 and high=0.0"):
        Bounds(1.0, 0.0)


def test_a_weight_parametrized_otherwise_is_refused() -> None:
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="free or constrained by pyrnn"):
        constrain(layer, Dale([1, -1]))


def test_unconstrained_weight_has_no_intervals() -> None:
    assert intervals(nn.Linear(2, 2)) is None


def test_a_constraint_of_ones_own() -> None:
    class Weak(Constraint):
        def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
            return torch.full_like(weight, -0.1), torch.full_like(weight, 0.1)

    assert constrain(nn.Linear(9, 9), Weak()).weight.abs().max() <= 0.1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dale([1.0, torch.nan]), ValueError, "finite signs, got 1 value"),
        (lambda: Dale([True, False]), TypeError, "signs to be real numbers, got torch.bool"),
        (lambda: Dale("++-"), TypeError, "signs to be a tensor or an array, got str"),
        (lambda: SignedMask([[torch.inf, 1.0]]), ValueError, "finite signs"),
        (lambda: Mask([[torch.nan, 1.0]]), ValueError, "finite mask"),
        (lambda: Mask("all"), TypeError, "mask to be a tensor or an array"),
        (lambda: Fixed([[torch.inf]]), ValueError, "finite values to keep, got infinity"),
        (lambda: Bounds(torch.nan, 1.0), ValueError, "low <= high, got low=nan"),
        (lambda: Bounds("small"), TypeError, "low to be a tensor or an array, got str"),
        (lambda: constrain(torch.zeros(2), Bounds(0.0, 1.0)), TypeError, "a layer, an nn.Module"),
        (lambda: constrain(nn.Linear(2, 2), [1, -1]), TypeError, "such as Dale.*got list"),
        (lambda: constrain(nn.Linear(2, 2), Dale([1, 1]), name="w"), ValueError, "a weight 'w'"),
    ],
)
def test_refused_arguments(make: Callable[[], object], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_bounds_of_another_shape_than_the_weight() -> None:
    class Wrong(Constraint):
        def interval(self, weight: Tensor) -> tuple[Tensor, Tensor]:
            return torch.zeros(1), torch.ones(1)

    with pytest.raises(ValueError, match=r"bounds of Wrong of shape \(2, 2\), got \(1,\)"):
        constrain(nn.Linear(2, 2), Wrong())
