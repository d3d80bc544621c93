"""Can the default network learn every task with the default recipe, and how fast?

One network (``RateRNN``, 100 units, tau 100 ms, dt 20 ms, private noise 0.02) and one recipe
(Adam 2e-3 with cosine decay, batches of 64 fresh trials, gradient norm clipped at 0.1, 500 steps)
for all tasks; what a task needs beyond that is written in its row. Prints the table and writes it
for the docs:

    python benchmarks/learnability.py --seeds 3 --write docs/tasks/learnability.md
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from pyrnn import RateRNN
from pyrnn import tasks as t
from pyrnn.training import Curriculum

N_TEST, EVALUATE_EVERY = 1000, 25


@dataclass
class Row:
    """A task, what is expected of a network trained on it, and the recipe."""

    task: t.Task
    goal: float
    reference: str  # what a plain PyTorch loop reached with the same recipe
    scale: float = 1.0  # from the metric to the unit of the table
    unit: str = ""
    test: dict[str, Any] = field(default_factory=dict)  # other parameters of the test trials
    steps: int = 500
    lr: float = 2e-3
    clip_norm: float = 0.1
    batch_size: int = 64
    options: dict[str, Any] = field(default_factory=dict)  # of the network
    curriculum: Callable[[], Curriculum] | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """Name of the task."""
        return type(self.task).__name__

    def is_reached(self, value: float) -> bool:
        """Whether a value of the metric, in the unit of the table, reaches the goal."""
        return value >= self.goal if self.task.metric_goal == "max" else value <= self.goal


@dataclass
class Run:
    """One trained network."""

    metric: float
    first: int | None  # step at which the goal was first reached on the test trials
    seconds: float


ROWS = [
    Row(t.FlipFlop(3), 99.5, "100", 100, "%", lr=1e-2, note="lr 1e-2, dt 10 ms"),
    Row(
        t.HeadingIntegrator(),
        8,
        "4–6",
        unit="°",
        steps=2000,
        lr=3e-3,
        clip_norm=1.0,
        curriculum=lambda: Curriculum(
            steps=[200, 500, 900], duration=[300.0, 600.0, 1100.0, 2100.0]
        ),
        note="2000 steps, lr 3e-3, clip 1, turning for 200 → 500 → 1000 → 2000 ms",
    ),
    Row(t.WhiteNoiseIntegrator(dt=20.0), 0.99, "0.997", unit="R²"),
    Row(t.SineGenerator(), 0.95, "0.97", unit="R²"),
    Row(
        t.PulseToChirp(dt=5.0, silence=200.0, rest=1300.0),
        0.01,
        "–",
        unit="MSE",
        steps=1000,
        lr=5e-3,
        clip_norm=1.0,
        batch_size=4,
        options={"tau": 20.0, "dt": 5.0, "noise": 0.0},
        note="1000 steps, lr 5e-3, clip 1, batches of 4, tau 20 ms, dt 5 ms, no noise; "
        "silences cut to 1.5 s a period",
    ),
    Row(
        t.PerceptualDecision(dt=20.0),
        95,
        "97",
        100,
        "%",
        test={"coherences": (6.4, 12.8, 25.6, 51.2)},
        note="tested at coherence ≥ 6.4",
    ),
    Row(t.ContextIntegration(), 99, "100", 100, "%"),
    Row(t.MultisensoryIntegration(), 94, "95–96", 100, "%"),
    Row(
        t.DelayedMatchToSample(),
        99,
        "100",
        100,
        "%",
        curriculum=lambda: Curriculum(
            steps=[75, 150], delay=[(200.0, 500.0), (500.0, 1500.0), (500.0, 3000.0)]
        ),
        note="delays up to 500 → 1500 → 3000 ms; without, 1 of 4 runs got stuck",
    ),
    Row(
        t.ParametricWorkingMemory(),
        99,
        "100",
        100,
        "%",
        curriculum=lambda: Curriculum(
            steps=[75, 150], delay=[(200.0, 500.0), (500.0, 1000.0), (500.0, 2000.0)]
        ),
        note="delays up to 500 → 1000 → 2000 ms; without, 1 of 4 runs got stuck",
    ),
    Row(t.DelayedResponse(), 99, "100", 100, "%"),
    Row(t.ReadySetGo(), 30, "24", unit="ms"),
    Row(t.IntervalDiscrimination(), 95, "–", 100, "%"),
    Row(t.CountOnes(), 99, "100", 100, "%"),
    Row(t.CountPulses(), 99, "100", 100, "%"),
    Row(
        t.MultiTask(
            {
                "context": t.ContextIntegration(),
                "multisensory": t.MultisensoryIntegration(),
                "match": t.DelayedMatchToSample(delay=(500.0, 1000.0), decision=200.0),
            }
        ),
        95,
        "–",
        100,
        "%",
        note="context, multisensory and match (delay up to 1 s) as rules of one network",
    ),
]


def network(row: Row, seed: int) -> RateRNN:
    """Make the default network for a task, with a readout that starts at zero."""
    task = row.task
    options = {"tau": 100.0, "dt": min(task.dt, 20.0), "noise": 0.02, **row.options}
    rnn = RateRNN(task.input_size, 100, task.output_size, seed=seed, **options)
    torch.nn.init.zeros_(rnn.w_out.weight)
    return rnn


def train(row: Row, seed: int, steps: int | None = None) -> tuple[RateRNN, Run]:
    """Train a network; measure it on test trials as it learns, time not counted."""
    per_epoch = row.batch_size * EVALUATE_EVERY
    task = row.task.replace(seed=seed, n_trials=per_epoch)
    batch = row.task.replace(seed=10_000 + seed, **row.test).batch(N_TEST)
    rnn, spent, first = network(row, seed), 0.0, None

    def measure(training: Any) -> bool:
        nonlocal first, spent
        start = time.process_time()
        if first is None and row.is_reached(score()):
            first = training.step
        spent += time.process_time() - start
        return False

    def score() -> float:
        outputs = rnn.predict(batch.inputs).outputs
        return row.scale * task.metric(outputs, batch.targets, batch.mask)

    start = time.process_time()
    rnn.fit(
        task,
        epochs=(steps or row.steps) // EVALUATE_EVERY,
        batch_size=row.batch_size,
        lr=row.lr,
        scheduler="cosine",
        clip_norm=row.clip_norm,
        curriculum=row.curriculum() if row.curriculum else None,
        callbacks=measure,
        progress=False,
        seed=seed,
    )
    return rnn, Run(score(), first, time.process_time() - start - spent)


def generation(row: Row, n: int = 40) -> tuple[str, str]:
    """Return the time to make 64 trials, alone and in training, and its share of a step on them.

    In training an epoch's trials are made in bulk. Times are those of the fastest of n turns,
    which other programs disturb least.
    """
    rnn = network(row, 0)
    optimizer = torch.optim.Adam(rnn.parameters(), 1e-4)
    batch = row.task.batch(64)

    def step() -> None:
        optimizer.zero_grad()
        rnn(batch.inputs).outputs.square().mean().backward()
        optimizer.step()

    task = row.task.replace(n_trials=1024)

    def in_bulk() -> None:
        epoch = task.epoch(1)
        for indices in torch.randperm(1024).split(64):
            epoch.batch(indices)

    turns = [[seconds(lambda: row.task.batch(64)), seconds(step)] for _ in range(n)]
    alone, trained = (min(column) for column in zip(*turns, strict=True))
    bulk = min(seconds(in_bulk) for _ in range(n // 4)) / 16
    first, second = (f"{1000 * made:.2f} ms, {made / trained:.1%}" for made in (alone, bulk))
    return first, second


def seconds(function: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


HEADER = (
    "task",
    "metric",
    "goal",
    "plain loop",
    "each seed",
    "steps to goal",
    "CPU s",
    "64 trials alone",
    "in training",
)


PAGE = """# What the default network learns

Printed by `benchmarks/learnability.py`: a `RateRNN` of 100 units (tau 100 ms, dt 20 ms, private
noise 0.02, readout from zero), batches of 64 fresh trials, Adam 2e-3 with cosine decay, gradient
norm clipped at 0.1, 500 steps; one CPU thread. The metric is measured on {n_test} fresh trials
after training, and every {every} steps to tell when the goal was first reached. "Plain loop" is
what the same recipe reached in a loop of plain PyTorch. How far strategies get that ignore most of
the inputs is in the table of [chance levels](index.md#chance-levels).

{learned}

Yang2019 has a recipe of its own, in the [gallery](../gallery/yang2019.rst): 256 units learn 18 or
19 of its 20 rules to 90 % in 10,000 steps. With 100 ReLU units, dt 50 ms, no noise, gradient norm
clipped at 1 and the curriculum of the gallery, 6000 steps reach an accuracy of 89.4 % (one seed,
144 CPU s).

All rows were repeated with the metrics of version 0.2:

- ReadySetGo reads answers to the end of a trial, and a trial without an answer is an error of the
  whole interval. The figures are those of version 0.1, because trained networks always answer in
  time. An untrained network has 700 ms, where it had 120.
- MultiTask takes an answer as the nearest of the values that its target takes, here -1 and 1. An
  answer had to be within 0.5 of its target, so that a weak one, such as 0.4 instead of 1, was
  wrong: the figures of version 0.1 were 98.9, 99.1 and 98.4.
- Zero outputs are guesses, at 50 % of two choices; they counted as wrong. Figures after training
  are the same.

Beyond the default recipe:

{notes}
The time to make 64 trials, alone and within an epoch of training, where they are made in bulk, and
its share of a training step on them:

{made}
"""


def cells(row: Row, runs: list[Run], made: tuple[str, str]) -> tuple[str, ...]:
    """Format a row of the table."""
    sign = "≥" if row.task.metric_goal == "max" else "≤"
    digits = 1 if row.unit in ("%", "°", "ms") else 4
    steps = ", ".join("–" if run.first is None else str(run.first) for run in runs)
    return (
        row.name,
        row.task.metric_name if row.unit != "%" else "accuracy (%)",
        f"{sign} {row.goal:g}",
        row.reference,
        ", ".join(f"{run.metric:.{digits}f}" for run in runs),
        f"{steps} of {row.steps}",
        f"{statistics.median(run.seconds for run in runs):.1f}",
        *made,
    )


def as_markdown(rows: Iterable[tuple[str, ...]]) -> str:
    """Format the table for the docs."""
    lines = [HEADER, tuple("---" for _ in HEADER), *rows]
    learned = "\n".join(f"| {' | '.join(line[:-2])} |" for line in lines)
    made = "\n".join(f"| {' | '.join((line[0], *line[-2:]))} |" for line in lines)
    notes = "".join(f"- {row.name}: {row.note}\n" for row in ROWS if row.note)
    return PAGE.format(
        n_test=N_TEST, every=EVALUATE_EVERY, learned=learned, notes=notes, made=made
    )


def main(
    names: list[str],
    seeds: int = 3,
    write: Path | None = None,
    steps: int | None = None,
    networks: Path | None = None,
) -> bool:
    """Run the benchmark; return whether every run reached its goal."""
    torch.set_num_threads(1)
    console, done, reached = Console(), [], True
    for row in ROWS:
        if names and row.name not in names:
            continue
        row = replace(row, steps=steps or row.steps)
        trained = [train(row, seed) for seed in range(seeds)]
        runs = [run for _, run in trained]
        if networks is not None:
            networks.mkdir(parents=True, exist_ok=True)
            trained[0][0].save(networks / f"{row.name}.pt")
        done.append(cells(row, runs, generation(row)))
        reached &= all(row.is_reached(run.metric) for run in runs)
        console.print(" | ".join(done[-1]))
    table = Table(*HEADER, title="Learnability")
    for line in done:
        table.add_row(*line)
    console.print(table)
    if write is not None:
        write.write_text(as_markdown(done))
    return reached


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="classes of tasks; all by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="instead of each row's own number; at least 25")
    parser.add_argument("--write", type=Path, help="file to write the table to, as Markdown")
    parser.add_argument("--networks", type=Path, help="folder to save the first networks to")
    ok = main(**vars(parser.parse_args()))
    raise SystemExit(0 if ok else 1)
