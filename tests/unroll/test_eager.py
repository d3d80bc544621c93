"""Any step is unrolled as it is written, and its noise is never lost."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, LSTM, RNN, RNNBase
from pyrnn.unroll import eager, unroll_eager

N = 6


class Leaky(RNNBase):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return 0.9 * h + 0.1 * torch.tanh(self.w_rec(h) + self.w_in(x))


class Doubled(RNNBase):
    """A step that projects something else than its input."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(self.w_rec(h) + self.w_in(2 * x))


class Twice(RNNBase):
    """A step that projects twice."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(self.w_rec(h) + self.w_in(x) * torch.sigmoid(self.w_in(-x)))


class Writing(RNNBase):
    """A step that writes into its input before it projects it."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        x.mul_(3)
        return torch.tanh(self.w_rec(h) + self.w_in(x))


class Deaf(RNNBase):
    """A step that computes the projection by itself."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(self.w_rec(h) + x @ self.w_in.weight.mT)


def expected(rnn: RNNBase, inputs: Tensor, noise: Tensor) -> Tensor:
    """Return the states, with the noise written out."""
    w_in, w_rec = rnn.w_in.weight, lambda h: h @ rnn.w_rec.weight.mT + rnn.w_rec.bias
    h, states = torch.zeros(len(inputs), N), []
    for x, xi in zip(inputs.unbind(1), noise.unbind(1), strict=True):
        if isinstance(rnn, Doubled):
            h = torch.tanh(w_rec(h) + 2 * x @ w_in.mT + xi)
        elif isinstance(rnn, Twice):
            h = torch.tanh(w_rec(h) + (x @ w_in.mT + xi) * torch.sigmoid(-x @ w_in.mT + xi))
        elif isinstance(rnn, Writing):
            h = torch.tanh(w_rec(h) + 3 * x @ w_in.mT + xi)
        else:
            h = 0.9 * h + 0.1 * torch.tanh(w_rec(h) + x @ w_in.mT + xi)
        states.append(h)
    return torch.stack(states, 1)


@pytest.mark.parametrize("cls", [Leaky, Doubled, Twice, Writing])
@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_noise_is_added_to_whatever_the_input_layer_returns(
    cls: type[RNNBase], scale: float
) -> None:
    """A step with ``w_in(2 * x)`` lost its noise; one that writes into x saw a former row."""
    rnn, inputs = cls(3, N, 2, seed=0), torch.randn(4, 7, 3)
    nn.init.normal_(rnn.w_rec.bias)
    noise = scale * torch.randn(4, 7, N)
    given = noise if scale else None
    states = unroll_eager(rnn, inputs.clone(), torch.zeros(4, N), given)
    assert_close(states, expected(rnn, inputs, noise))


def test_a_step_that_loses_its_noise_is_refused() -> None:
    rnn, inputs = Deaf(3, N, 2, noise=0.1), torch.randn(4, 7, 3)
    with pytest.raises(ValueError, match=r"step\(h, x\) of Deaf to call self.w_in.*noise=0"):
        rnn(inputs)
    assert rnn.eval()(inputs).states.shape == (4, 7, N)
    assert not rnn.w_in._forward_hooks


@pytest.mark.parametrize("cls", [RNN, CTRNN, GRU, LSTM])
@pytest.mark.parametrize("limit", [0, 2**21], ids=["row by row", "ahead"])
def test_known_steps_give_the_same_states_either_way(
    cls: type[RNNBase], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eager, "_IN_CACHE", limit)
    rnn, inputs = cls(3, N, 2, seed=0), torch.randn(4, 7, 3)
    rows = rnn.w_in.out_features
    noise, h = torch.randn(4, 7, rows), torch.zeros(4, rnn.state_size)
    found, states = unroll_eager(rnn, inputs, h, noise), []
    for x, xi in zip(inputs.unbind(1), noise.unbind(1), strict=True):
        handle = rnn.w_in.register_forward_hook(lambda layer, args, current, xi=xi: current + xi)
        h = rnn.step(h, x)
        handle.remove()
        states.append(h)
    assert_close(found, torch.stack(states, 1))


def test_a_step_that_overrides_a_known_one_is_called_with_its_own_input() -> None:
    class Doubled(GRU):
        def step(self, h: Tensor, x: Tensor) -> Tensor:
            return super().step(h, 2 * x)

    ours, plain = Doubled(3, N, 2, seed=0), GRU(3, N, 2, seed=0)
    inputs = torch.randn(4, 7, 3)
    assert_close(ours(inputs).states, plain(2 * inputs).states)


@pytest.mark.parametrize(
    "make", [lambda: nn.Linear(3, N), lambda: nn.Sequential(nn.Linear(3, N), nn.Tanh())]
)
@pytest.mark.parametrize("cls", [Leaky, RNN])
def test_the_input_layer_may_be_any_module(make: object, cls: type[RNNBase]) -> None:
    rnn, inputs = cls(3, N, 2, noise=0.5, seed=0), torch.randn(4, 1, 3)
    rnn.w_in = make()
    noise = rnn._draw_noise(inputs)
    current = rnn.w_rec.bias + rnn.w_in(inputs[:, 0]) + noise[:, 0]
    found = unroll_eager(rnn, inputs, torch.zeros(4, N), noise)[:, 0]
    assert_close(found, (0.1 if cls is Leaky else 1) * torch.tanh(current))
    assert not torch.equal(rnn(inputs).states, rnn(inputs).states)


def test_hooks_of_the_input_layer_are_called() -> None:
    for cls in (Leaky, GRU):
        rnn, calls = cls(3, N, 2, noise=0.5), []
        rnn.w_in.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        rnn(torch.zeros(4, 7, 3))
        assert len(calls) == 7


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # by torch's own forward mode
@pytest.mark.parametrize("cls", [Leaky, Twice, RNN, GRU])
def test_transforms_of_torch_func_keep_the_noise(cls: type[RNNBase]) -> None:
    rnn, inputs = cls(3, N, 2, seed=0), torch.randn(4, 5, 3)
    noise = torch.randn(4, 5, rnn.w_in.out_features)

    def last(inputs: Tensor, noise: Tensor) -> Tensor:
        h = inputs.new_zeros(*inputs.shape[:-2], N)
        return unroll_eager(rnn, inputs, h, noise)[..., -1, :]

    plain = last(inputs, noise)
    assert_close(torch.func.vmap(last)(inputs, noise), plain)
    jacobian = torch.func.jacrev(last, argnums=1)(inputs[0], noise[0])
    assert_close(torch.func.jacfwd(last, argnums=1)(inputs[0], noise[0]), jacobian)
    assert bool((jacobian.abs().amax((0, 2)) > 0).all())  # the noise of every step matters
    step = 1e-6 * torch.randn(5, noise.shape[-1])
    change = last(inputs[0], noise[0] + step) - last(inputs[0], noise[0] - step)
    assert_close(torch.einsum("ntk,tk->n", jacobian, 2 * step), change, rtol=1e-4, atol=1e-10)


def test_noise_of_a_network_under_vmap_and_grad() -> None:
    rnn, inputs = Leaky(3, N, 2, noise=0.5, seed=0), torch.randn(4, 5, 3)
    parameters = dict(rnn.named_parameters())

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(rnn, parameters, (inputs,)).states.square().sum()

    state = rnn.generator.get_state()
    found = torch.func.grad(loss)(parameters)
    rnn.generator.set_state(state)
    rnn(inputs).states.square().sum().backward()
    assert_close(found["w_rec.weight"], rnn.w_rec.weight.grad)


def test_threads_that_unroll_the_same_network_do_not_share_noise() -> None:
    rnn, inputs = Leaky(3, N, 2, seed=0), torch.randn(8, 200, 3)
    noises = [torch.randn(8, 200, N) for _ in range(4)]
    h, found = torch.zeros(8, N), {}

    def run(i: int) -> None:
        with torch.no_grad():
            found[i] = unroll_eager(rnn, inputs, h, noises[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, noise in enumerate(noises):
        assert_close(found[i], expected(rnn, inputs, noise).detach())


@pytest.mark.parametrize("result", [3, torch.zeros(4, N - 1)])
def test_a_step_that_returns_no_state(result: object) -> None:
    rnn = Leaky(3, N, 2)
    rnn.step = lambda h, x: result
    with pytest.raises(ValueError, match=r"step\(h, x\) of Leaky to return a state of the shape"):
        rnn(torch.zeros(4, 7, 3))
