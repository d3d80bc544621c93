"""Many jobs on the workers of joblib."""

from __future__ import annotations

import functools
import pickle
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch

from pyrnn.progress import track
from pyrnn.threads import single_threaded
from pyrnn.validate import as_integer

__all__ = ["Carried", "as_n_jobs", "reason", "run_all", "settled"]

_Job = TypeVar("_Job")
_carried: dict[str, Carried] = {}  # that were read in this process, or come from it
_lock = threading.Lock()


class Carried:
    """A function that workers read once, however many jobs bring it.

    Reading a function of a script defines the classes of the script anew, which a network that is
    being trained would notice.

    Args:
        function: The function.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function
        self.key = uuid.uuid4().hex
        _carried[self.key] = self

    def __reduce__(self) -> tuple[Callable[[str, bytes], Carried], tuple[str, bytes]]:
        return _receive, (self.key, self._content)

    @functools.cached_property
    def _content(self) -> bytes:
        try:
            import cloudpickle
        except ImportError:  # joblib before 1.6 brings its own
            from joblib.externals import cloudpickle

        content: bytes = cloudpickle.dumps(self.function)
        return content


def _receive(key: str, content: bytes) -> Carried:
    with _lock:
        if key not in _carried:
            received = Carried(pickle.loads(content))
            _carried[key] = received
        return _carried[key]


def as_n_jobs(value: object) -> int:
    """Check the number of workers.

    Returns:
        The number.

    Raises:
        ValueError: If it is zero.
    """
    n = as_integer("n_jobs", value)
    if n == 0:
        raise ValueError("expected n_jobs to be a number of workers, or -1 for all cores, got 0")
    return n


def reason(error: Exception) -> str:
    """Return why a run failed, in one sentence."""
    return f"{type(error).__name__}: {error}"


@contextmanager
def settled(dtype: torch.dtype) -> Iterator[None]:
    """Give a worker one thread of torch and the default dtype of the parent."""
    before = torch.get_default_dtype()
    if before != dtype:
        torch.set_default_dtype(dtype)
    try:
        with single_threaded():
            yield
    finally:
        if before != dtype:
            torch.set_default_dtype(before)


def run_all(
    work: Callable[[_Job], None],
    jobs: Sequence[_Job],
    *,
    n_jobs: int,
    label: str,
    progress: bool,
) -> None:
    """Do all jobs, in this process or on the workers that joblib has been told to use."""
    if not jobs:
        return
    done = _results(work, jobs, n_jobs)
    for _ in track(range(len(jobs)), label, enabled=progress):
        next(done)


def _results(work: Callable[[_Job], None], jobs: Sequence[_Job], n_jobs: int) -> Iterator[None]:
    from joblib import Parallel, delayed

    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:  # a backend that returns everything at the end, such as Ray's
        parallel = Parallel(n_jobs=n_jobs)
    _refuse_fork(parallel)
    results: Iterable[None] = parallel(delayed(work)(job) for job in jobs)
    return iter(results)


def _refuse_fork(parallel: object) -> None:
    """Refuse to fork a process in which torch has threads: the child would hang."""
    from joblib._parallel_backends import MultiprocessingBackend

    if type(parallel._backend) is MultiprocessingBackend and torch.get_num_threads() > 1:  # type: ignore[attr-defined]
        raise ValueError(
            "expected another backend of joblib than 'multiprocessing', whose workers hang after "
            "torch has used threads; use 'loky', the default"
        )
