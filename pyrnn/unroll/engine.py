"""Which engine unrolls a network, and why."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from pyrnn.activations import Activation
from pyrnn.linear import Linear
from pyrnn.unroll import bptt, fused
from pyrnn.unroll._autograd import Equation, Tensors, solve, solve_and_adjoint
from pyrnn.unroll._model import (
    activation_of,
    are_plain,
    equation_of,
    is_plain_layer,
    is_transformed,
    reads_in_kernel,
)
from pyrnn.unroll.eager import unroll_eager
from pyrnn.validate import as_choice

__all__ = [
    "ENGINES",
    "Engine",
    "Model",
    "choose_engine",
    "unroll",
    "unroll_and_adjoint",
]

ENGINES = ("fused", "bptt", "eager")
_WORK = 2**29  # multiplications in one call of the kernel


class Engine(NamedTuple):
    """How a network is unrolled.

    Attributes:
        name: ``fused`` (compiled kernel), ``bptt`` (the same adjoint in torch) or ``eager``
            (``step``, once per time step).
        reason: Why this one.

    Example:
        >>> print(Engine("eager", "Mine has a step of its own"))
        eager: Mine has a step of its own
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class Model(Protocol):
    """What an engine needs of a network; ``RNNBase`` has it.

    Example:
        >>> from pyrnn import RNN
        >>> rnn: Model = RNN(3, 16, 2)
        >>> rnn.readout(rnn.step(rnn.h0, torch.zeros(3))).shape
        torch.Size([2])
    """

    f: Activation
    w_in: Linear
    w_rec: Linear
    w_out: Linear

    @property
    def h0(self) -> Tensor:
        """Initial state, ``(state_size,)``."""

    @property
    def _alpha(self) -> float | Tensor:
        """Euler step of a known equation."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state."""

    def readout(self, states: Tensor) -> Tensor:
        """Return the outputs of states."""


def choose_engine(rnn: Model, forced: str | None = None) -> Engine:
    """Return the engine for a network.

    The fast engines know the equations of marked steps. If a class overrides ``step``, or if it
    has an activation or a layer of its own, its ``step`` is called.

    Args:
        rnn: The network.
        forced: One of ``ENGINES``; None for the fastest one.

    Raises:
        ValueError: If the forced engine cannot unroll the network.

    Example:
        >>> from pyrnn import GRU
        >>> print(choose_engine(GRU(3, 16, 2)))
        eager: GRU has a step of its own
    """
    if forced is None:
        return _fastest(rnn)
    as_choice("engine", forced, ENGINES)
    obstacle = None
    if forced != "eager":
        obstacle = _obstacle(rnn) or (_missing(rnn) if forced == "fused" else None)
    if obstacle:
        raise ValueError(
            f"expected a network that the engine {forced!r} can unroll, got {obstacle}; "
            "take the engine 'eager', or None to leave the choice to pyrnn"
        )
    return Engine(forced, "asked for")


def unroll(
    rnn: Model,
    inputs: Tensor,
    h: Tensor,
    noise: Tensor | None = None,
    *,
    engine: Engine,
) -> tuple[Tensor, Tensor]:
    """Return the states and the outputs of a network.

    Transforms of ``torch.func``, forward-mode differentiation, autocast, tracing and tensors that
    are no plain ones need plain torch operations. For them the eager engine is used.

    Args:
        rnn: The network.
        inputs: Inputs, ``(..., time, input_size)``.
        h: Initial state, ``(..., state_size)``.
        noise: Added to the input current, ``(..., time, hidden_size)``.
        engine: The engine, from ``choose_engine``.

    Returns:
        States ``(..., time, state_size)`` and outputs ``(..., time, output_size)``.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(3, 16, 2)
        >>> states, outputs = unroll(rnn, torch.zeros(20, 3), rnn.h0, engine=rnn.engine)
        >>> states.shape, outputs.shape
        (torch.Size([20, 16]), torch.Size([20, 2]))
    """
    is_eager = engine.name == "eager" or inputs.numel() == 0
    if is_eager or is_transformed() or not are_plain(inputs, h, noise):
        states = unroll_eager(rnn, inputs, h, noise)  # type: ignore[arg-type]
        return states, rnn.readout(states)
    most = _steps_at_once(inputs, h)
    if inputs.shape[-2] > most:
        return _in_parts(rnn, inputs, h, noise, engine, most)
    backend: ModuleType = fused if engine.name == "fused" else bptt
    reads = reads_in_kernel(rnn)
    states, outputs = solve(backend, *_problem(rnn, inputs, h, noise, reads))
    if inputs.ndim != 3:
        states, outputs = (t.view(*inputs.shape[:-1], -1) for t in (states, outputs))
    return states, outputs if reads else rnn.readout(states)


def _steps_at_once(inputs: Tensor, h: Tensor) -> int:
    """Return how many steps take about a tenth of a second, for which Ctrl-C waits."""
    steps, n_inputs = inputs.shape[-2:]
    per_step = inputs.numel() // (steps * n_inputs) * h.shape[-1] * (h.shape[-1] + n_inputs)
    return max(1, _WORK // max(per_step, 1))


def _in_parts(
    rnn: Model, inputs: Tensor, h: Tensor, noise: Tensor | None, engine: Engine, n_steps: int
) -> tuple[Tensor, Tensor]:
    """Unroll one part of a long sequence after the other."""
    parts = inputs.split(n_steps, dim=-2)
    noises = [None] * len(parts) if noise is None else noise.split(n_steps, dim=-2)
    done = []
    for x, xi in zip(parts, noises, strict=True):
        done.append(unroll(rnn, x, h, xi, engine=engine))
        h = done[-1][0][..., -1, :]
    states, outputs = zip(*done, strict=True)
    return torch.cat(states, dim=-2), torch.cat(outputs, dim=-2)


def unroll_and_adjoint(
    rnn: Model, inputs: Tensor, h: Tensor, noise: Tensor | None = None, *, engine: Engine
) -> tuple[Tensor, Tensor, Callable[[], None]]:
    """Return the states and the outputs of a network, and what to call after ``backward``.

    For a short sequence, autograd takes longer than the kernel. Therefore states and outputs have
    no graph where the kernel is used: ``loss.backward()`` computes their gradients, and the
    returned function adds those of the parameters. The result is that of ``unroll`` and
    ``loss.backward()``.

    Args:
        rnn: The network.
        inputs: Inputs, ``(trials, time, input_size)``, without a gradient.
        h: Initial state, ``(trials, state_size)``.
        noise: Added to the input current, ``(trials, time, hidden_size)``.
        engine: The engine, from ``choose_engine``.

    Returns:
        States, outputs, and the function to call after ``loss.backward()``.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(3, 16, 2)
        >>> given = torch.ones(5, 20, 3), rnn.initial_state((5,))
        >>> states, outputs, adjoint = unroll_and_adjoint(rnn, *given, engine=rnn.engine)
        >>> outputs.sum().backward()
        >>> adjoint()
        >>> rnn.w_out.bias.grad
        tensor([100., 100.])
    """
    is_fused = engine.name == "fused" and inputs.ndim == 3 and inputs.numel() > 0
    is_short = not is_fused or inputs.shape[-2] <= _steps_at_once(inputs, h)
    if not (is_fused and is_short) or is_transformed() or not are_plain(inputs, h, noise):
        return *unroll(rnn, inputs, h, noise, engine=engine), _nothing
    reads = reads_in_kernel(rnn)
    equation, tensors = _problem(rnn, inputs, h, noise, reads)
    states, outputs, adjoint = solve_and_adjoint(fused, equation, tensors)
    return states, outputs if reads else rnn.readout(states), adjoint


def _nothing() -> None:
    pass


def _fastest(rnn: Model) -> Engine:
    obstacle = _obstacle(rnn)
    if obstacle:
        return Engine("eager", obstacle)
    device = rnn.h0.device
    if device.type != "cpu":
        return Engine("eager", f"the kernel is for the CPU, the network on {device}")
    missing = _missing(rnn)
    if missing:
        return Engine("bptt", missing)
    return Engine("fused", f"{type(rnn).__name__} has the equation {equation_of(rnn)!r}")


def _obstacle(rnn: Model) -> str | None:
    """Return why only the network's own ``step`` can be called; None if there is no reason."""
    if not equation_of(rnn):
        return f"{type(rnn).__name__} has a step of its own"
    if not activation_of(rnn):
        return f"the activation {rnn.f!r}, which is none of pyrnn's"
    for name in ("w_in", "w_rec"):
        if not is_plain_layer(getattr(rnn, name)):
            return f"{name} does more than multiply by its weight"
    return None


def _missing(rnn: Model) -> str | None:
    """Return why the kernel cannot unroll a built-in network; None if it can."""
    h0 = rnn.h0
    if h0.device.type != "cpu" or h0.dtype not in fused.DTYPES:
        return f"a network of {h0.dtype} on {h0.device}"
    return None if fused.is_available() else "no compiled kernel: see `pyrnn doctor`"


def _problem(
    rnn: Model, inputs: Tensor, h: Tensor, noise: Tensor | None, reads: bool
) -> tuple[Equation, Tensors]:
    equation = Equation(equation_of(rnn), activation_of(rnn), rnn.f)
    return equation, _tensors(rnn, inputs, h, noise, reads)


def _tensors(rnn: Model, inputs: Tensor, h: Tensor, noise: Tensor | None, reads: bool) -> Tensors:
    steps, n = inputs.shape[-2], h.shape[-1]
    w_in, w_rec, w_out = rnn.w_in, rnn.w_rec, rnn.w_out
    weight, alpha = w_rec.weight, rnn._alpha
    if not isinstance(alpha, Tensor):
        alpha = weight.new_full((n,), alpha)
    return Tensors(
        inputs=inputs if inputs.ndim == 3 else inputs.reshape(-1, steps, inputs.shape[-1]),
        h0=h if h.ndim == 2 else h.reshape(-1, n),
        w_rec=weight,
        w_in=w_in.weight,
        w_out=w_out.weight if reads else weight[:0],
        alpha=alpha if alpha.ndim else alpha.expand(n),
        bias=_sum(w_rec.bias, w_in.bias),
        bias_out=w_out.bias if reads else None,
        noise=noise if noise is None or noise.ndim == 3 else noise.reshape(-1, steps, n),
    )


def _sum(left: Tensor | None, right: Tensor | None) -> Tensor | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right
