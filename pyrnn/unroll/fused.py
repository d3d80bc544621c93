"""The compiled engine: ``network.h``, called through its plain C interface."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import torch
from torch import Tensor

from pyrnn.threads import single_threaded
from pyrnn.unroll._arguments import GRADIENTS, Member, Problem, Starts
from pyrnn.unroll._autograd import Equation, Tensors

__all__ = [
    "ACTIVATIONS",
    "DTYPES",
    "adjoint",
    "is_available",
    "kernel_threads",
    "library",
    "solve",
    "thread_count",
]

_logger = logging.getLogger(__name__)

# In the order of the kernel's own list.
ACTIVATIONS = ("tanh", "relu", "softplus", "sigmoid", "retanh", "gelu", "identity")
DTYPES = {torch.float32: "float32", torch.float64: "float64"}

# Multiply-adds for which another thread saves more than it costs.
_WORTH_A_THREAD = 1_000_000

_threads: ContextVar[int] = ContextVar("_threads")


@cache
def library() -> ctypes.CDLL | None:
    """Return the kernel that was built for this machine's widest instructions, or None.

    Example:
        >>> library() is library()
        True
    """
    try:
        best = _open("_kernel")
    except OSError as error:
        _logger.info("no compiled kernel (%s): sequences are unrolled by torch", error)
        return None
    for variant in ("_kernel_v3", "_kernel_v4")[: best.instruction_sets()]:
        try:
            best = _open(variant)
        except OSError:
            continue
    return best


def _open(name: str) -> ctypes.CDLL:
    for suffix in reversed(EXTENSION_SUFFIXES):  # the plain one, which fits every Python, first
        path = Path(__file__).with_name(name + suffix)
        if path.exists():
            build = ctypes.CDLL(str(path))
            if not _fits(build):
                raise OSError(f"{path.name} was built from other sources; install pyrnn again")
            return build
    raise OSError(f"{name} was not built")


def _fits(build: ctypes.CDLL) -> bool:
    # whether it was built for the arguments of this version
    size = sum(ctypes.sizeof(structure) for structure in (Problem, Member, Starts))
    return hasattr(build, "arguments_size") and build.arguments_size() == size


def is_available() -> bool:
    """Return whether the kernel was compiled at installation and can be loaded.

    Example:
        >>> is_available() == (library() is not None)
        True
    """
    return library() is not None


@contextmanager
def kernel_threads() -> Iterator[None]:
    """Keep torch to one thread and give the kernel all the threads that torch had.

    After an operation, threads of torch spin for a millisecond or more while they wait for the
    next one, on cores that the kernel's threads need.

    Yields:
        Nothing.

    Example:
        >>> with kernel_threads():
        ...     torch.get_num_threads()
        1
    """
    with single_threaded() as n_threads:
        token = _threads.set(n_threads)
        try:
            yield
        finally:
            _threads.reset(token)


def solve(
    equation: Equation, tensors: Tensors, keep: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return states, outputs and, if ``keep``, the slopes of the rate form. See ``Backend``.

    Args:
        equation: Form and activation.
        tensors: The tensors.
        keep: Whether ``adjoint`` will be called.

    Returns:
        States, outputs, and slopes or None.

    Example:
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> solve(equation, tensors, keep=False)[0].flatten().tolist()  # doctest: +SKIP
        [0.5, 0.25, 0.125]
    """
    _check(tensors)
    (trials, steps, _), x = tensors.inputs.shape, tensors.inputs
    states = x.new_empty(trials, steps, tensors.w_rec.shape[0])
    outputs = x.new_empty(trials, steps, tensors.w_out.shape[0])
    slopes = torch.empty_like(states) if keep and equation.form == "rate" else None
    _call("forward", equation, tensors, states, outputs, slopes)
    return states, outputs, slopes


def adjoint(
    equation: Equation,
    tensors: Tensors,
    states: Tensor,
    kept: Tensor | None,
    grad_states: Tensor | None,
    grad_outputs: Tensor | None,
    through_drive: bool,
) -> dict[str, Tensor | None]:
    """Return gradients by name. See ``Backend``.

    Args:
        equation: Form and activation.
        tensors: The tensors.
        states: States, from ``solve``.
        kept: Slopes, from ``solve``.
        grad_states: Gradient of the states, or None.
        grad_outputs: Gradient of the outputs, or None.
        through_drive: Whether the gradients of inputs and noise are needed.

    Example:
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> states, outputs, kept = solve(equation, tensors, keep=True)  # doctest: +SKIP
        >>> back = adjoint(equation, tensors, states, kept, None, outputs, False)  # doctest: +SKIP
        >>> back["h0"].item()  # doctest: +SKIP
        0.328125
    """
    n, n_outputs = tensors.w_rec.shape[0], tensors.w_out.shape[0]
    if grad_outputs is None:
        grad_outputs = states.new_zeros(*states.shape[:2], n_outputs)
    if grad_states is not None:
        grad_states = grad_states.contiguous()
    found = [torch.empty_like(tensor) for tensor in tensors[1:6]]
    found += states.new_empty(n), states.new_empty(n_outputs)
    deltas = torch.empty_like(states) if through_drive else None
    given = grad_states, grad_outputs.contiguous()
    _call("backward", equation, tensors, states, None, kept, *given, *found, deltas)
    return dict(zip(GRADIENTS, found, strict=True)) | {
        "inputs": None if deltas is None else deltas @ tensors.w_in,
        "noise": deltas,
    }


def _call(direction: str, equation: Equation, tensors: Tensors, *arrays: Tensor | None) -> None:
    trials, steps, n_inputs = tensors.inputs.shape
    n, n_outputs = tensors.w_rec.shape[0], tensors.w_out.shape[0]
    work = trials * steps * (n + n_outputs) * (n + n_inputs)
    problem = Problem(
        trials, steps, n, n_inputs, n_outputs,
        equation.form == "current",
        ACTIVATIONS.index(equation.activation),
        thread_count(work),
        *(None if array is None else array.data_ptr() for array in (*tensors, *arrays)),
    )  # fmt: skip
    getattr(library(), f"{direction}_{DTYPES[tensors.inputs.dtype]}")(ctypes.byref(problem))


def thread_count(work: int) -> int:
    """Return how many threads of the kernel a call is worth.

    Args:
        work: Number of multiplications.

    Example:
        >>> thread_count(1000)
        1
    """
    return min(_threads.get(torch.get_num_threads()), 1 + work // _WORTH_A_THREAD)


def _check(tensors: Tensors) -> None:
    # otherwise the kernel would read beyond its arrays
    trials, steps, n_in = tensors.inputs.shape
    n, n_out = tensors.w_rec.shape[0], tensors.w_out.shape[0]
    shapes = (
        *((trials, steps, n_in), (trials, n), (n, n), (n, n_in), (n_out, n), (n,)),
        *((n,), (n_out,), (trials, steps, n)),
    )
    dtype = tensors.inputs.dtype
    for name, array, shape in zip(Tensors._fields, tensors, shapes, strict=True):
        if array is None or (array.shape == shape and array.dtype is dtype and array.is_cpu):
            continue
        if array.shape != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {tuple(array.shape)}")
        raise TypeError(
            f"expected {name} as {dtype} on the CPU, like the inputs, got {array.dtype} on "
            f"{array.device}"
        )
