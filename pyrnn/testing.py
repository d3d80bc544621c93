"""Contract checks that users run on their own networks and tasks."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from pyrnn.base import RNNBase, load
from pyrnn.tasks import check_task

__all__ = ["check_rnn", "check_task"]

_SHAPES: tuple[tuple[int, ...], ...] = ((), (2,), (2, 3))


def check_rnn(rnn: RNNBase) -> None:
    """Check that a network keeps the promises that training and analysis rely on.

    ``step`` must be a pure function of state and input: no noise, no memory of its own, no
    change of its arguments. It must be batched over leading axes, trial by trial, and
    differentiable. Unrolling must be the same as calling it in a loop. The network must be the
    same after copying, saving and loading. Its noise, if it has any, must change the states. A
    broken promise is a ``ValueError`` that says which one.

    Args:
        rnn: The network to check; it is not changed.

    Raises:
        TypeError: If it is no network of pyrnn.

    Example:
        >>> from pyrnn import CTRNN
        >>> class Noisy(CTRNN):
        ...     def step(self, h, x):
        ...         return super().step(h, x) + 0.1 * torch.randn_like(h)
        >>> check_rnn(Noisy(3, 8, 2))
        Traceback (most recent call last):
        ...
        ValueError: expected step(h, x) of Noisy without noise, got ...
    """
    if not isinstance(rnn, RNNBase):
        raise TypeError(f"expected a subclass of RNNBase, got {type(rnn).__name__}")
    rnn = copy.deepcopy(rnn).double()
    rng = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        _check_shapes(rnn, rng)
        _check_pure(rnn, rng)
        _check_batched(rnn, rng)
        _check_differentiable(rnn, rng)
        _check_unroll(rnn, rng)
        _check_noise(rnn, rng)
        _check_file(rnn, rng)


def _draw(rnn: RNNBase, rng: torch.Generator, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    h, x = (
        torch.randn((*shape, size), generator=rng, dtype=torch.float64)
        for size in (rnn.state_size, rnn.input_size)
    )
    return h, x


def _check_shapes(rnn: RNNBase, rng: torch.Generator) -> None:
    for shape in _SHAPES:
        h, x = _draw(rnn, rng, shape)
        try:
            new = rnn.step(h, x)
        except (RuntimeError, IndexError) as error:
            raise ValueError(
                f"expected step(h, x) of {_name(rnn)} to take states {tuple(h.shape)} and inputs "
                f"{tuple(x.shape)}, got: {error}; write it for any number of leading axes"
            ) from error
        if not isinstance(new, Tensor) or new.shape != h.shape:
            got = tuple(new.shape) if isinstance(new, Tensor) else type(new).__name__
            raise ValueError(
                f"expected step(h, x) of {_name(rnn)} to return a state of the shape of h, "
                f"{tuple(h.shape)}, got {got}"
            )
        outputs = rnn.readout(new)
        if outputs.shape != (*shape, rnn.output_size):
            raise ValueError(
                f"expected readout of {_name(rnn)} to return {(*shape, rnn.output_size)}, got "
                f"{tuple(outputs.shape)}"
            )
        if rnn.initial_state(shape).shape != h.shape:
            raise ValueError(
                f"expected initial_state({shape}) of {_name(rnn)} to return {tuple(h.shape)}, got "
                f"{tuple(rnn.initial_state(shape).shape)}"
            )


def _check_pure(rnn: RNNBase, rng: torch.Generator) -> None:
    h, x = _draw(rnn, rng, (4,))
    before = h.clone(), x.clone()
    torch.manual_seed(1)
    first = rnn.step(h, x)
    if not (torch.equal(h, before[0]) and torch.equal(x, before[1])):
        raise ValueError(
            f"expected step(h, x) of {_name(rnn)} to leave h and x alone, got them changed; "
            "avoid operations in place"
        )
    torch.manual_seed(1)
    if not torch.equal(first, rnn.step(h, x)):
        raise ValueError(
            f"expected step(h, x) of {_name(rnn)} without a memory of its own, got another result "
            "in a second call; put whatever it remembers into the state h"
        )
    if not torch.equal(first, rnn.step(h, x)):
        raise ValueError(
            f"expected step(h, x) of {_name(rnn)} without noise, got another result in a second "
            "call; use the option noise=..., which is active in training only"
        )


def _check_batched(rnn: RNNBase, rng: torch.Generator) -> None:
    h, x = _draw(rnn, rng, (2, 3))
    together = rnn.step(h, x)
    alone = torch.stack(
        [torch.stack([rnn.step(h[i, j], x[i, j]) for j in range(3)]) for i in (0, 1)]
    )
    if not torch.allclose(together, alone, rtol=1e-8, atol=1e-10):
        raise ValueError(
            f"expected step(h, x) of {_name(rnn)} to treat every trial alone, got results that "
            "depend on the other trials of the batch"
        )


def _check_differentiable(rnn: RNNBase, rng: torch.Generator) -> None:
    h, x = _draw(rnn, rng, ())
    (along, _), (across, _) = _draw(rnn, rng, ()), _draw(rnn, rng, ())
    try:
        (gradient,) = torch.func.vjp(lambda h: rnn.step(h, x), h)[1](across)
    except Exception as error:
        raise ValueError(
            f"expected step(h, x) of {_name(rnn)} to be differentiable, got: {error}; build it "
            "from torch functions, without .item(), numpy or operations in place"
        ) from error
    with torch.no_grad():
        change = rnn.step(h + 1e-6 * along, x) - rnn.step(h - 1e-6 * along, x)
        gradient = gradient.detach()
        off = float((gradient @ along - across @ change / 2e-6).abs())
        size = float(gradient.norm() * along.norm())
    if off > 1e-5 + 1e-4 * size:
        raise ValueError(
            f"expected the derivative of step(h, x) of {_name(rnn)} to be that of finite "
            f"differences, got {off:.2g} off; is part of it detached?"
        )


def _check_unroll(rnn: RNNBase, rng: torch.Generator) -> None:
    inputs = torch.randn(2, 5, rnn.input_size, generator=rng, dtype=torch.float64)
    states = rnn.predict(inputs).states
    h = rnn.initial_state((2,))
    for t in range(5):
        h = rnn.step(h, inputs[:, t])
        if not torch.allclose(states[:, t], h, rtol=1e-8, atol=1e-10):
            raise ValueError(
                f"expected predict of {_name(rnn)} to follow step(h, x), got other states at time "
                f"step {t}; write the dynamics in step alone"
            )


def _check_noise(rnn: RNNBase, rng: torch.Generator) -> None:
    if not rnn.noise:
        return
    inputs = torch.randn(2, 5, rnn.input_size, generator=rng, dtype=torch.float64)
    was_training = rnn.training
    states = rnn.train()(inputs).states
    rnn.train(was_training)
    if torch.equal(states, rnn.predict(inputs).states):
        raise ValueError(
            f"expected noise={rnn.noise:g} to move the states of {_name(rnn)} in training, got "
            "the same as without; it enters through self.w_in(x): let step call that with its x"
        )


def _check_file(rnn: RNNBase, rng: torch.Generator) -> None:
    inputs = torch.randn(2, 5, rnn.input_size, generator=rng, dtype=torch.float64)
    with tempfile.TemporaryDirectory() as folder:
        path = rnn.save(Path(folder) / "network.pt")
        again = load(path)
    pairs = zip(again.predict(inputs), rnn.predict(inputs), strict=True)
    if not all(torch.equal(loaded, saved) for loaded, saved in pairs):
        raise ValueError(
            f"expected {_name(rnn)} to be the same after save and load, got other states; keep "
            "every argument of __init__ as an attribute, and every constant as a buffer"
        )


def _name(rnn: RNNBase) -> str:
    return type(rnn).__name__
