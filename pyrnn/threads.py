"""One limit on the threads of torch, also where several Python threads work at once."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["in_threads", "over_matrices", "single_threaded"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AT_ONCE = 2**23  # multiplications that a thread makes at a time, about a millisecond of work


class _Here(threading.local):
    """State of the limit in one Python thread."""

    depth = 0
    n_threads = 1
    is_worker = False  # of in_threads; it must not wait for the others


_here = _Here()
_lock = threading.Lock()
_n_limited = 0  # Python threads that are inside of the limit
_n_before = 1  # threads that torch had before the first of them


@contextmanager
def single_threaded() -> Iterator[int]:
    """Keep torch to one thread; restore the former number afterwards.

    torch counts its threads for each Python thread, but a new Python thread inherits the number
    that was set last, anywhere. The limit therefore remembers the number from before the first
    Python thread entered it. It may be nested.

    Batched factorizations need it: with two threads and more than 150 rows, MKL returns wrong
    factors. Small operations run faster with it, as their threads need not be synchronized.

    Yields:
        Number of threads that torch had before.

    Example:
        >>> with single_threaded():
        ...     torch.get_num_threads()
        1
    """
    if _here.depth == 0:
        _enter()
    _here.depth += 1
    try:
        yield _here.n_threads
    finally:
        _here.depth -= 1
        if _here.depth == 0:
            _leave()


def _enter() -> None:
    global _n_limited, _n_before
    with _lock:
        own = torch.get_num_threads()
        if _n_limited == 0:
            _n_before = own
        # one thread may be what this Python thread inherited from another one inside of the limit
        _here.n_threads = own if own > 1 else _n_before
        _n_limited += 1
        torch.set_num_threads(1)


def _leave() -> None:
    global _n_limited
    with _lock:
        _n_limited -= 1
        torch.set_num_threads(_here.n_threads)


def in_threads(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Apply a function of tensors to each item, in as many Python threads as torch has.

    Each of them works with one thread of torch and without gradients, so that results do not
    depend on how many there are. It pays where a call takes a millisecond or more.

    Args:
        function: The function. It must not depend on a context of the calling thread.
        items: Its arguments, one for each call.

    Returns:
        Its results, in the order of the items.

    Example:
        >>> in_threads(lambda x: 2 * x, [1, 2, 3])
        [2, 4, 6]
    """

    def call(item: _Item) -> _Result:
        with single_threaded(), torch.no_grad():
            return function(item)

    with single_threaded() as n_threads:
        if min(n_threads, len(items)) < 2 or _here.is_worker:
            return [call(item) for item in items]
        return list(_pool(n_threads, os.getpid()).map(call, items))


@lru_cache(maxsize=1)
def _pool(n_threads: int, process: int) -> ThreadPoolExecutor:
    # kept, as a new thread takes longer than many a call; a forked process has none of its parent
    return ThreadPoolExecutor(n_threads, initializer=setattr, initargs=(_here, "is_worker", True))


def over_matrices(function: Callable[[Tensor], Tensor], matrices: Tensor, cost: float) -> Tensor:
    """Apply a function of linear algebra to many matrices, on several threads if it takes long.

    Args:
        function: Function of matrices ``(n, size, size)`` with a result ``(n, ...)``, each from
            its own matrix.
        matrices: Matrices, ``(..., size, size)``.
        cost: Multiplications for a matrix, in units of the cube of its size.

    Returns:
        Results, ``(..., ...)``.

    Example:
        >>> over_matrices(torch.linalg.det, torch.eye(2).expand(3, 2, 2), cost=1)
        tensor([1., 1., 1.])
    """
    shape = matrices.shape[:-2]
    flat = matrices.reshape(math.prod(shape), *matrices.shape[-2:])
    at_once = max(1, int(_AT_ONCE / (cost * max(1, matrices.shape[-1]) ** 3)))
    if len(flat) <= at_once or not flat.is_cpu:
        with single_threaded():
            results = function(flat)
    else:
        results = torch.cat(in_threads(function, flat.split(at_once)))
    return results.reshape((*shape, *results.shape[1:]))
