"""Jacobians against finite differences, for any batch shape."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, RNN, LowRankRNN, RateRNN
from pyrnn.activations import ACTIVATIONS
from pyrnn.dynamics import as_map, input_jacobian, jacobian
from pyrnn.dynamics.maps import index_signs


def finite_difference(f, at: Tensor, step: float = 1e-6) -> Tensor:
    """Return columns d f / d at_j, one central difference each."""
    moves = step * torch.eye(at.shape[-1])
    return torch.stack([(f(at + move) - f(at - move)) / (2 * step) for move in moves], dim=-1)


W, U = torch.randn(4, 4, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)


def tanh_step(h: Tensor, x: Tensor) -> Tensor:
    return 0.7 * h + 0.3 * torch.tanh(h @ W.T + x @ U.T)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_jacobians_agree_with_finite_differences(shape: tuple[int, ...]) -> None:
    h, x = torch.randn(*shape, 4), torch.randn(*shape, 3)
    expected = finite_difference(lambda h: tanh_step(h, x), h)
    assert_close(jacobian(tanh_step, h, x), expected, atol=1e-8, rtol=0)
    expected = finite_difference(lambda x: tanh_step(h, x), x)
    assert_close(input_jacobian(tanh_step, h, x), expected, atol=1e-8, rtol=0)


def test_one_input_serves_all_states() -> None:
    h, x = torch.randn(5, 4), torch.randn(3)
    assert input_jacobian(tanh_step, h, x).shape == (5, 4, 3)
    assert_close(jacobian(tanh_step, h, x), jacobian(tanh_step, h, x.expand(5, 3)))


def test_gated_cells() -> None:
    cell = nn.GRUCell(3, 4)
    h, x = torch.randn(5, 4), torch.randn(5, 3)
    expected = finite_difference(lambda h: cell(x, h), h)
    assert_close(jacobian(lambda h, x: cell(x, h), h, x), expected, atol=1e-8, rtol=0)
    assert_close(jacobian(cell, h, x), expected, atol=1e-8, rtol=0)
    assert_close(jacobian(GRU.from_torch(cell), h, x), expected, atol=1e-8, rtol=0)
    without_bias = nn.GRUCell(3, 4, bias=False)
    by_torch = jacobian(lambda h, x: without_bias(x, h), h[:, None], x[:, None])
    assert_close(jacobian(without_bias, h[:, None], x[:, None]), by_torch)


def test_a_gru_with_a_step_or_a_layer_of_its_own_is_taken_as_it_is() -> None:
    class Halved(GRU):
        def step(self, h: Tensor, x: Tensor) -> Tensor:
            return super().step(h, x) / 2

    h, x = torch.randn(5, 4), torch.randn(5, 3)
    halved = Halved(3, 4, 1)
    assert_close(as_map(halved)(h, x), halved.step(h, x).detach())
    hooked = GRU(3, 4, 1)
    hooked.w_rec.register_forward_hook(lambda layer, given, result: result / 2)
    assert_close(as_map(hooked)(h, x), hooked.step(h, x).detach())
    assert as_map(GRU(3, 4, 1, dt=5.0)).dt == 5.0


def test_constant_step_has_zero_jacobian() -> None:
    h, x = torch.randn(5, 4), torch.randn(5, 4)
    assert_close(jacobian(lambda h, x: x + 0 * h, h, x), torch.zeros(5, 4, 4))
    assert_close(input_jacobian(lambda h, x: h, h, x), torch.zeros(5, 4, 4))


def test_index_signs_agree_with_determinants() -> None:
    jacobians = 2 * torch.randn(50, 6, 6)
    expected = torch.linalg.det(torch.eye(6) - jacobians).sign()
    assert_close(index_signs(jacobians), expected)
    assert index_signs(torch.eye(3)) == 0


@pytest.mark.parametrize("activation", [*ACTIVATIONS, torch.atan])
@pytest.mark.parametrize("kind", [RNN, RateRNN, CTRNN, LowRankRNN])
def test_closed_form_agrees_with_automatic_differentiation(kind: type, activation) -> None:
    rnn = kind(3, 7, 2, activation=activation)
    h, x = torch.randn(4, 7), torch.randn(4, 3)
    assert_close(jacobian(rnn, h, x), jacobian(lambda h, x: rnn.step(h, x), h, x))


def test_closed_form_with_constraints_and_a_time_constant_per_unit() -> None:
    rnn = CTRNN(3, 10, 2, tau=torch.linspace(20, 100, 10), dale_ratio=0.8, autapses=False)
    h, x = torch.randn(2, 4, 10), torch.randn(3)
    assert_close(jacobian(rnn, h, x), jacobian(lambda h, x: rnn.step(h, x), h, x))


def test_a_subclass_is_differentiated_as_it_steps() -> None:
    class Slower(CTRNN):
        def step(self, h: Tensor, x: Tensor) -> Tensor:
            return 0.5 * h + 0.5 * super().step(h, x)

    rnn = Slower(3, 6, 2)
    h, x = torch.randn(4, 6), torch.randn(4, 3)
    base = CTRNN.step(rnn, h, x)
    assert_close(rnn.step(h, x), 0.5 * (h + base))
    expected = finite_difference(lambda h: rnn.step(h, x).detach(), h)
    assert_close(jacobian(rnn, h, x), expected, atol=1e-8, rtol=0)
