"""One limit on the threads of torch, also where several Python threads work at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["single_threaded"]


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
