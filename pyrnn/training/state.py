"""Resume: the state of a training as plain data, and a training that goes on from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pyrnn.serialize import encode

if TYPE_CHECKING:
    from pyrnn.training.loop import Training

__all__ = ["global_generator", "restore_from", "state_of", "take_up"]

COUNTERS = ("epoch", "step", "batch", "stage", "first_epoch", "seed")
ARGUMENTS = ("batch_size", "lr", "shuffle", "clip_norm", "clip_value")


def state_of(training: Training) -> dict[str, Any]:
    """Return plain data from which a run goes on as if it had not stopped.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> rnn = RNN(3, 8, 3)
        >>> history = rnn.fit(FlipFlop(n_trials=8), epochs=2, lr=0.05, progress=False)
        >>> {name: rnn.training_state[name] for name in ("epoch", "step", "lr")}
        {'epoch': 2, 'step': 2, 'lr': 0.05}
    """
    optimizer, scheduler = training.optimizer, training.scheduler
    return {
        **{name: getattr(training, name) for name in COUNTERS + ARGUMENTS},
        "sums": list(training.recorder.sums),
        "optimizer": (type(optimizer).__name__, _sizes(optimizer), optimizer.state_dict()),
        "scheduler": None if scheduler is None else scheduler.state_dict(),
        "noise_rng": training.rnn.generator.get_state(),
        "global_rng": torch.get_rng_state(),
    }


def take_up(training: Training, saved: dict[str, Any] | None, *, resume: bool) -> None:
    """Go on from an earlier run: where it was cut (``resume``), or after its end.

    Args:
        training: The run that is about to start.
        saved: What ``state_of`` returned for the earlier run; None for a first run.
        resume: Whether counters, learning rates and scheduler go on, too.

    Raises:
        ValueError: If a run is to be resumed with other arguments than it began with.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> task, rnn = FlipFlop(n_trials=8), RNN(3, 8, 3)
        >>> for _ in range(2):  # the second call takes up the state of the first
        ...     history = rnn.fit(task, epochs=2, progress=False)
        >>> rnn.training_state["epoch"]
        4
    """
    if not saved:
        return
    if resume:
        _check_same_run(training, saved)
    training.epoch, training.step = saved["epoch"], saved["step"]
    training.first_epoch = training.epoch
    _take_up_optimizer(training, saved["optimizer"], resume)
    if resume or (training.is_seeded and training.seed == saved["seed"]):
        training.is_seeded = True
        training.global_rng = saved["global_rng"]
        training.rnn.generator.set_state(saved["noise_rng"])
    if not resume:
        return
    for name in COUNTERS:
        setattr(training, name, saved[name])
    training.recorder.sums = list(saved["sums"])
    if training.scheduler is not None and saved["scheduler"] is not None:
        training.scheduler.load_state_dict(saved["scheduler"])


def _check_same_run(training: Training, saved: dict[str, Any]) -> None:
    """Refuse to go on with other arguments than those that the run began with."""
    now = {name: getattr(training, name) for name in ARGUMENTS}
    now["optimizer"] = type(training.optimizer).__name__
    if training.is_seeded:
        now["seed"] = training.seed
    before = {**saved, "optimizer": saved["optimizer"][0]}
    _refuse_changes({name: (before[name], value) for name, value in now.items()})


def _refuse_changes(pairs: dict[str, tuple[Any, Any]]) -> None:
    changed = [f"{name}={new!r} after {old!r}" for name, (old, new) in pairs.items() if old != new]
    if changed:
        raise ValueError(
            f"expected to resume the run as it began, got {', '.join(changed)}; go on with the "
            "same arguments, or train anew with resume=False and another checkpoint"
        )


def _take_up_optimizer(training: Training, saved: tuple[str, Any, Any], resume: bool) -> None:
    """Load momenta, if the optimizer is of the same kind; the learning rate only to resume."""
    name, sizes, state = saved
    now = type(training.optimizer).__name__, _sizes(training.optimizer)
    if resume:
        _refuse_changes({"sizes of what the optimizer changes": (sizes, now[1])})
    if now == (name, sizes):
        mine = training.optimizer.state_dict()
        groups = state["param_groups"] if resume else mine["param_groups"]
        training.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})


def _sizes(optimizer: torch.optim.Optimizer) -> list[list[int]]:
    return [[p.numel() for p in group["params"]] for group in optimizer.param_groups]


def restore_from(rnn: Any, path: str | Path) -> None:
    """Give a network the weights, history and training state of a checkpoint.

    Raises:
        ValueError: If the file holds another network.

    Example:
        >>> import tempfile
        >>> from pyrnn import RNN
        >>> path = RNN(3, 8, 3, seed=0).save(Path(tempfile.mkdtemp()) / "run.pt")
        >>> rnn = RNN(3, 8, 3, seed=1)
        >>> restore_from(rnn, path)
        >>> torch.equal(rnn.w_rec.weight, RNN(3, 8, 3, seed=0).w_rec.weight)
        True
    """
    saved = type(rnn).load(path)
    plain = (bool, int, float, str)
    names = (saved.config.keys() | rnn.config.keys()) - {"seed"}
    before, now = _arguments(saved, names), _arguments(rnn, names)
    _refuse_changes(
        {
            name: (before[name], now[name])
            for name in sorted(names)
            if isinstance(before[name], plain) or isinstance(now[name], plain)
        }
    )
    try:
        rnn.load_state_dict(saved.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"expected {path} to hold a network like this one, got: {error}; use another "
            "checkpoint, or resume=False"
        ) from error
    rnn.history, rnn.training_state = saved.history, saved.training_state


def _arguments(rnn: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return what a network was built with, defaults included, and functions by their names."""
    given = rnn.config
    return {name: encode(given.get(name, getattr(rnn, name, None)), name) for name in names}


@contextmanager
def global_generator(training: Training) -> Iterator[None]:
    """Seed torch's global generator, for a user's own layers, and put it back afterwards.

    Example:
        >>> from types import SimpleNamespace
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> run = SimpleNamespace(is_seeded=True, seed=0, global_rng=None, parameters=[weight])
        >>> before = torch.get_rng_state()
        >>> with global_generator(run):
        ...     draw = torch.rand(1)
        >>> torch.equal(before, torch.get_rng_state())
        True
    """
    if not training.is_seeded:
        yield
        return
    device = training.parameters[0].device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(training.seed)
        if training.global_rng is not None:
            torch.set_rng_state(training.global_rng)
        yield
