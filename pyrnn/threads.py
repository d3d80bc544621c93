"""One limit on the threads of torch, also where several Python threads work at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

__all__ = ["in_threads", "single_threaded"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class _Here(threading.local):
    """State of the limit in one Python thread."""

    depth = 0
    n_threads = 1


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
        if min(n_threads, len(items)) < 2:
            return [call(item) for item in items]
        with ThreadPoolExecutor(min(n_threads, len(items))) as pool:
            return list(pool.map(call, items))
