"""The limit on torch's threads ends with the work that asked for it, also in several threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pyrnn.dynamics import find_fixed_points, transition_graph
from pyrnn.threads import in_threads, over_matrices, single_threaded


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_the_limit_may_be_nested() -> None:
    with single_threaded() as outer, single_threaded() as inner:
        assert torch.get_num_threads() == 1
        assert outer == inner == 2
    assert torch.get_num_threads() == 2


def test_an_error_lifts_the_limit() -> None:
    with pytest.raises(RuntimeError, match="on purpose"), single_threaded():
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("is_main_last", [False, True])
def test_limits_of_two_threads_overlap(is_main_last: bool) -> None:
    """Whichever thread leaves last, all go on with the number from before."""
    entered, left, seen = threading.Event(), threading.Event(), []

    def work() -> None:
        with single_threaded():
            seen.append(torch.get_num_threads())
            entered.set()
            if not is_main_last:
                left.wait(10)
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=work)
    with single_threaded():
        thread.start()
        entered.wait(10)
        if is_main_last:
            thread.join()
    left.set()
    thread.join()
    assert seen == [1, 2]
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2


def test_analyses_in_four_threads_agree_and_leave_the_number_alone() -> None:
    w = 2 * torch.randn(12, 12) / 12**0.5
    starts = torch.randn(50, 12)

    def analyze(_: int) -> tuple[list[list[float]], int]:
        step = lambda h, x: torch.tanh(h @ w.to(h).T)  # noqa: E731
        points = find_fixed_points(step, starts, rng=0)
        assert transition_graph(step, points).number_of_nodes() == len(points)
        return points.states.tolist(), torch.get_num_threads()

    alone, _ = analyze(0)
    with ThreadPoolExecutor(4) as pool:
        for states, n_threads in pool.map(analyze, range(8)):
            assert states == alone
            assert n_threads == 2
    assert torch.get_num_threads() == 2


def test_items_are_shared_among_threads_of_one_thread_each() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def work(item: int) -> tuple[int, int, bool]:
        meeting.wait()  # two calls at a time, or it fails
        return item, torch.get_num_threads(), torch.is_grad_enabled()

    assert in_threads(work, range(4)) == [(i, 1, False) for i in range(4)]
    assert torch.get_num_threads() == 2


def test_an_error_in_one_of_several_threads_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda x: 1 / x, [1, 0, 2])
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("shape", [(9, 64), (2, 5, 80), (3,), (0, 4), (2, 0)])
def test_matrices_give_the_same_on_one_thread_and_on_two(shape: tuple[int, ...]) -> None:
    matrices = torch.randn(*shape, shape[-1], generator=torch.Generator().manual_seed(0))
    found = over_matrices(torch.linalg.eigvals, matrices, cost=25)
    torch.set_num_threads(1)
    assert torch.equal(found, torch.linalg.eigvals(matrices))
    assert found.shape == shape


def test_threads_that_share_work_may_share_it_again() -> None:
    inner = in_threads(lambda i: in_threads(lambda j: 10 * i + j, range(3)), range(4))
    assert inner == [[10 * i + j for j in range(3)] for i in range(4)]
