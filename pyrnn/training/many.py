"""fit_many: train many networks at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from pyrnn.progress import interruptible
from pyrnn.training._datasets import Dataset
from pyrnn.training._kernel import obstacle
from pyrnn.training._lockstep import Lane, run_lanes
from pyrnn.training._order import may_draw
from pyrnn.training.fit import prepared
from pyrnn.training.history import History
from pyrnn.training.loop import Callback, Training
from pyrnn.unroll import kernel_threads
from pyrnn.validate import as_boolean, as_list, check_kind

__all__ = ["fit_all", "fit_many"]


def fit_many(
    networks: Sequence[nn.Module],
    datasets: Sequence[Dataset],
    *,
    each: Sequence[Mapping[str, object]] | None = None,
    progress: bool = True,
    **options: object,
) -> list[History]:
    """Train many networks at once: each one exactly as ``fit`` would train it alone.

    Where ``fit`` makes its steps in the compiled kernel, a step of all networks is one call, and
    threads share the networks. Weights, histories and checkpoints are those of ``fit``, bit for
    bit, whatever the number of networks and threads; the networks may differ in size, data, length
    of the training and all options. Others are trained one after the other.

    Args:
        networks: The networks.
        datasets: The dataset of each network; ``[task] * n`` gives all of them the same one.
        each: Options of ``fit`` of each network, in addition to those of all, such as
            ``[{"seed": 0}, {"seed": 1}]``.
        progress: Whether to show a progress bar, that of the first network.
        **options: Options of ``fit`` of all networks.

    Returns:
        The history of each network. Ctrl-C stops all of them and keeps what was learned.

    Raises:
        TypeError: If an option is none of ``fit``.
        ValueError: If the lists differ in length, or a network is given twice.
        Exception: What ``fit`` raises, for the first network of which it does. The others are
            trained to the end.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> networks = [RNN(3, 16, 3, seed=seed) for seed in range(4)]
        >>> tasks = [FlipFlop(n_trials=64, seed=seed) for seed in range(4)]
        >>> rates = [{"lr": lr, "seed": 0} for lr in (0.001, 0.003, 0.01, 0.03)]
        >>> histories = fit_many(networks, tasks, each=rates, epochs=2, progress=False)
        >>> [history.learning_rate[-1] for history in histories]
        [0.001, 0.003, 0.01, 0.03]
    """
    modules, data = (
        as_list("networks", networks, "networks"),
        as_list("datasets", datasets, "datasets"),
    )
    own = [{}] * len(modules) if each is None else as_list("each", each, "options")
    if not len(modules) == len(data) == len(own):
        raise ValueError(
            f"expected a dataset and options for each of {len(modules)} networks, got {len(data)} "
            f"datasets and {len(own)} options"
        )
    for mine in own:
        check_kind("each", mine, Mapping, "take dicts of options")  # type: ignore[type-abstract]
    if len({id(module) for module in modules}) < len(modules):
        raise ValueError("expected different networks, got one of them twice")
    shown = as_boolean("progress", progress)
    calls = [
        {**options, **mine, "rnn": module, "dataset": dataset}
        for module, dataset, mine in zip(modules, data, own, strict=True)
    ]
    histories, errors = fit_all(calls, progress=shown)
    for error in errors:
        if error is not None:
            raise error
    return histories


def fit_all(
    calls: Sequence[Mapping[str, Any]], *, progress: bool
) -> tuple[list[History], list[Exception | None]]:
    """Make many calls of ``fit``, those that the kernel can train at the same time.

    Args:
        calls: Arguments of each call, by name.
        progress: Whether to show the progress of the first one.

    Returns:
        The history of each call, and what it has raised, or None.

    Example:
        >>> fit_all([], progress=False)
        ([], [])
    """
    runs = [prepared(**call) for call in calls]
    together = [i for i, (run, _) in enumerate(runs) if _is_alone_in_effect(run)]
    errors: list[Exception | None] = [None] * len(runs)
    shown = together[0] if together else 0
    for i, error in zip(together, _run([runs[i] for i in together], progress), strict=True):
        errors[i] = error
    for i, (run, callbacks) in enumerate(runs):
        if i not in together:
            if any(other.history.interrupted for other, _ in runs):
                run.until, run.history.interrupted = run.epoch, True
            try:
                run.run(callbacks, progress=progress and i == shown)
            except Exception as error:
                errors[i] = error
    return [run.history for run, _ in runs], errors


def _is_alone_in_effect(run: Training) -> bool:
    """Whether nothing that a run draws could depend on another run beside it."""
    for flat in run.flats:
        flat.attach()
    return obstacle(run) is None and not may_draw(run.dataset)


def _run(
    runs: Sequence[tuple[Training, list[Callback]]], progress: bool
) -> list[Exception | None]:
    """Train several networks in step with each other; return what each has raised."""
    with ExitStack() as stack:
        stack.enter_context(kernel_threads())  # runs end in any order, and leave all as it was
        if any(run.is_seeded for run, _ in runs):
            stack.enter_context(torch.random.fork_rng([]))
        interrupt = stack.enter_context(interruptible())
        lanes = [
            Lane(run, run._steps(callbacks, interrupt, progress=progress and i == 0))
            for i, (run, callbacks) in enumerate(runs)
        ]
        run_lanes(lanes)
    return [lane.error for lane in lanes]
