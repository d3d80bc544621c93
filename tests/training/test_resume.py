"""Killed with SIGKILL at any moment and resumed, a training ends as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pyrnn
from pyrnn import CTRNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import Curriculum

EPOCHS = 6
KINDS = {
    "adam": {"optimizer": "adam", "scheduler": "cosine"},
    "rprop": {"optimizer": "rprop", "batch_size": None},
    "sgd": {"optimizer": "sgd", "scheduler": "plateau", "lr": 0.1},
}


class Forgetful(CTRNN):
    """A network with dropout, hence with randomness from torch's global generator."""

    def readout(self, states: Tensor) -> Tensor:
        return super().readout(nn.functional.dropout(states, 0.1, training=self.training))


def train(path: str, kind: str = "adam", epochs: int = EPOCHS) -> None:
    """Train with everything whose state could be forgotten."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rnn = Forgetful(2, 10, 2, dale_ratio=0.8, noise=0.1, train_initial_state=True, seed=0)
    options: dict[str, Any] = {"batch_size": 16, **KINDS[kind]}
    rnn.fit(
        FlipFlop(n_bits=2, n_trials=64, duration=200.0),
        epochs=epochs,
        validation=0.25,
        curriculum=Curriculum(steps=[4, 10], duration=[100.0, 150.0, 200.0]),
        checkpoint=path,
        resume=True,
        seed=0,
        progress=False,
        **options,
    )


@pytest.fixture(scope="module")
def processes() -> Iterator[Any]:
    """Return a server that forks processes which have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", __name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        yield context


def assert_same(path: Path, expected: Path) -> None:
    one, other = (torch.load(p, weights_only=True) for p in (path, expected))
    for content in (one, other):
        del content["beside"]["history"]["epochs"]["seconds"]
    assert_equal(one, other)


def assert_equal(one: Any, other: Any) -> None:
    """Compare nested data bit for bit."""
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_equal(mine, theirs)
    else:
        assert one == other


@pytest.mark.parametrize("kind", KINDS)
def test_epochs_in_two_parts(kind: str, tmp_path: Path) -> None:
    """The parts share nothing but the file."""
    state = torch.get_rng_state()
    train(str(tmp_path / "whole.pt"), kind)
    torch.manual_seed(99)  # what else a process does doesn't matter
    for epochs in (3, EPOCHS):
        if kind == "adam" and epochs == 3:  # a cosine must know its end: cut it there instead
            cut_short(tmp_path / "parts.pt")
        else:
            train(str(tmp_path / "parts.pt"), kind, epochs)
    torch.set_rng_state(state)
    assert_same(tmp_path / "parts.pt", tmp_path / "whole.pt")


def cut_short(path: Path) -> None:
    original = CTRNN.fit

    def fit(rnn: CTRNN, dataset: Any, **options: Any) -> None:
        original(rnn, dataset, callbacks=lambda training: training.epoch == 3, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Forgetful, "fit", fit, raising=False)
        train(str(path))


def test_a_run_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rnn.pt"
    train(str(path), "rprop", epochs=2)
    before = torch.load(path, weights_only=True)
    train(str(path), "rprop", epochs=2)
    assert_equal(torch.load(path, weights_only=True), before)


@pytest.mark.slow
def test_killed_at_random_moments(processes: Any, tmp_path: Path) -> None:
    """Twenty trials, killed during steps, callbacks and writing alike."""
    whole = tmp_path / "whole.pt"
    run(processes, whole)
    seconds, n_killed = duration(processes, tmp_path / "again.pt"), 0
    assert_same(tmp_path / "again.pt", whole)
    rng = random.Random(0)
    for trial in range(100):
        path = tmp_path / f"{trial}.pt"
        began = time.perf_counter()
        was_killed = run(processes, path, kill_after=rng.uniform(0.1, 0.9) * seconds)
        if not was_killed:  # this run was faster than those before: aim earlier
            seconds = min(seconds, time.perf_counter() - began)
            continue
        if path.exists():
            assert pyrnn.load(path).history.n_epochs <= EPOCHS
        assert not run(processes, path)
        assert_same(path, whole)
        n_killed += 1
        if n_killed == 20:
            return
    raise AssertionError(f"expected to hit 20 running trainings, hit {n_killed}")


def duration(processes: Any, path: Path) -> float:
    began = time.perf_counter()
    run(processes, path)
    return time.perf_counter() - began


def run(processes: Any, path: Path, kill_after: float | None = None) -> bool:
    """Train in a process of its own; return whether it was killed before its end."""
    process = processes.Process(target=train, args=(str(path),))
    process.start()
    process.join(kill_after)
    process.kill()
    process.join()
    if kill_after is None:
        assert process.exitcode == 0
    return process.exitcode != 0
