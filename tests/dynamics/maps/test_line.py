"""The line between two networks: its ends, its middle, and its derivatives."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, RNN, RateRNN
from pyrnn.dynamics import as_map
from pyrnn.dynamics.maps import line_between
from pyrnn.dynamics.maps.map import derivative


def _pair(kind: type, **options: object) -> tuple:
    made = [kind(2, 5, 1, seed=seed, **options).double() for seed in range(2)]
    for network in made:
        network.w_rec.bias.data.normal_()
    if kind in (CTRNN, RateRNN):
        made[1].time_constant = 50.0
    return tuple(made)


CASES = [RNN, RateRNN, CTRNN, GRU]


@pytest.mark.parametrize("kind", CASES)
def test_ends_of_the_line_are_the_networks(kind: type) -> None:
    a, b = _pair(kind)
    x, h = torch.randn(2), torch.randn(7, 5)
    line = line_between(as_map(a), as_map(b), x)
    assert_close(line(h, torch.zeros(7, 1)), a.step(h, x.expand(7, 2)))
    assert_close(line(h, torch.ones(7, 1)), b.step(h, x.expand(7, 2)))


@pytest.mark.parametrize("kind", [RNN, RateRNN, CTRNN])
def test_half_way_the_weights_are_the_mean(kind: type) -> None:
    a, b = _pair(kind)
    middle = kind(2, 5, 1, seed=0).double()
    for name, value in middle.named_parameters():
        value.data = (dict(a.named_parameters())[name] + dict(b.named_parameters())[name]).data / 2
    x, h = torch.randn(2), torch.randn(7, 5)
    if kind is not RNN:
        middle.time_constant = middle.dt / (0.5 * (a.alpha + b.alpha))
    line = line_between(as_map(a), as_map(b), x)
    assert_close(line(h, torch.full((7, 1), 0.5)), middle.step(h, x.expand(7, 2)))


@pytest.mark.parametrize("kind", CASES)
def test_derivatives_are_those_of_autograd(kind: type) -> None:
    a, b = _pair(kind)
    line = line_between(as_map(a), as_map(b), torch.randn(2))
    h, s = torch.randn(7, 5), torch.rand(7, 1)
    together = torch.cat([h, s], dim=-1)
    truth = derivative(lambda z: line.step(z[..., :-1], z[..., -1:]), together)
    assert_close(line.derivative(h, s), truth)


def test_networks_of_different_width_are_refused() -> None:
    a, b = as_map(RNN(1, 4, 1)), as_map(RNN(1, 5, 1))
    with pytest.raises(ValueError, match="one width, got 4 and 5"):
        line_between(a, b, torch.zeros(1))
