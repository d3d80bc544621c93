"""Compare the search of pyrnn with that of FixedPointFinder, on networks trained here.

Run ``python benchmarks/fixed_points.py``, with ``--quick`` for the small networks only, or with
``--recall 5`` to see, without a comparison, whether pyrnn finds all points, and no others, in
four searches of each of five networks of each kind.
Both searches get the same network, task states, machine and process, on one thread, in turns;
time is that of the CPU, the median over the rounds.

FixedPointFinder (Golub & Sussillo 2018) is written anew here, from the settings in the sources of
its version for torch, github.com/mattgolub/fixed-point-finder at commit 1a30417 (September 2023):

- ``FixedPointFinderBase.py``: joint optimization in float32, ``tol_q`` 1e-12, ``tol_dq`` 1e-20
  times the learning rate, at most 5000 iterations, unique to 1e-3, outliers in distance (scale 10)
  left out, Jacobians decomposed.
- ``FixedPointFinderTorch.py``: Adam at learning rate 1, ``ReduceLROnPlateau`` with factor 0.95 and
  patience 2 (its argument says 5 but is not passed on), speeds judged before the last update. It
  also takes every Jacobian a second time, one by one, to no purpose; that is left out.
- ``examples/torch/run_FlipFlop.py``: 1024 starts, visited states with noise of 0.5 added
  (``--noise 0`` leaves it out, which is the default of its ``sample_states``). It
  says that its search does not work as expected on a GRU, which the table here confirms.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from statistics import median
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from pyrnn import GRU, RNN, RNNBase
from pyrnn.dynamics import certify, find_attractors, find_fixed_points
from pyrnn.tasks import FlipFlop

N_STARTS = 1024  # of the flip-flop example of FixedPointFinder
N_SEARCHES = 4  # of each network, for --recall
SAME = 1e-2  # a point this close to a true one counts as that one


@dataclass(frozen=True)
class Case:
    """A network to train and search."""

    name: str
    make: Callable[[int], RNNBase]
    fit: Mapping[str, Any]
    task: Mapping[str, Any] = field(default_factory=dict)


SHORT_PULSES = {"duration": 640.0, "pulse_duration": 10.0, "pulse_probability": 0.2}
FAST = {"optimizer": partial(torch.optim.Adam, eps=1e-3), "scheduler": "cosine", "lr": 0.088}
CASES = [
    Case("tanh 16", lambda seed: RNN(3, 16, 3, seed=seed), {"epochs": 15}),
    Case("tanh 64", lambda seed: RNN(3, 64, 3, seed=seed), {"epochs": 15}),
    Case("tanh 256", lambda seed: RNN(3, 256, 3, seed=seed), {"epochs": 15, "lr": 0.003}),
    Case("GRU 16", lambda seed: GRU(3, 16, 3, seed=seed), {"epochs": 15}),
    Case(
        "cycles 64",
        lambda seed: RNN(3, 64, 3, init="torch", bias=["w_in", "w_rec", "w_out"], seed=seed),
        {"epochs": 30, **FAST},
        SHORT_PULSES,
    ),
]


def train(case: Case, seed: int) -> tuple[RNNBase, Tensor]:
    """Return a network that solves the 3-bit flip-flop, and the states that it visits."""
    task, rnn = FlipFlop(n_bits=3, seed=seed, **case.task), case.make(seed)
    rnn.fit(task, seed=seed, progress=False, **case.fit)
    inputs, targets, mask = task.batch(64, start=10**6)
    outputs, states = rnn.predict(inputs)
    accuracy = task.accuracy(outputs, targets, mask)
    if accuracy < 0.99:
        print(f"{case.name}, seed {seed}: not trained, accuracy {accuracy:.2f}")
    return rnn, states


def joint_adam(
    rnn: RNNBase, starts: Tensor, x: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return points that FixedPointFinder finds by default, and their speeds.

    All starts together minimize the mean of q = |F(h) - h|² / 2 until each has a small q or
    hardly changes it. States closer than the tolerance are one point, those farther from the
    starts' mean than ten times the usual distance none.
    """
    starts = starts.to(dtype)
    h, x = starts.clone().requires_grad_(), x.to(dtype).expand(len(starts), -1)
    step = deepcopy(rnn).to(dtype).eval().requires_grad_(False).step
    optimizer = torch.optim.Adam([h], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.95, patience=2)
    before = torch.full_like(starts[:, 0], torch.nan)
    for _ in range(5000):
        q = (step(h, x) - h).square().sum(-1) / 2
        loss = q.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step(loss.detach())
        q, rate = q.detach(), optimizer.param_groups[0]["lr"]
        if bool(((q < 1e-12) | ((q - before).abs() < 1e-20 * rate)).all()):
            break
        before = q
    found = _merge(h.detach()[q.argsort()], 1e-3)
    center = starts.mean(0)
    reach = 10 * (starts - center).norm(dim=-1).mean()
    found = found[(found - center).norm(dim=-1) < reach]
    x = x[: len(found)]
    np.linalg.eig(_jacobians(step, found, x).numpy())
    return found.double(), (step(found, x) - found).norm(dim=-1).double()


def _merge(h: Tensor, radius: float) -> Tensor:
    """Keep the first of each group of states that lie together."""
    is_near = torch.cdist(h.double(), h.double()) <= radius
    is_left = torch.ones(len(h), dtype=torch.bool)
    kept = []
    while is_left.any():
        kept.append(int(is_left.int().argmax()))
        is_left &= ~is_near[kept[-1]]
    return h[kept]


def _jacobians(step: Callable[[Tensor, Tensor], Tensor], h: Tensor, x: Tensor) -> Tensor:
    h = h.clone().requires_grad_()
    units = step(h, x).sum(0)
    rows = [torch.autograd.grad(unit, h, retain_graph=True)[0] for unit in units]
    return torch.stack(rows, dim=1)


def race(searches: dict[str, Callable[[], Any]], n_rounds: int) -> dict[str, tuple[Any, float]]:
    """Let searches take turns; return the last result of each and its median time in seconds."""
    times: dict[str, list[float]] = {name: [] for name in searches}
    results = {}
    for _ in range(n_rounds):
        for name, search in searches.items():
            start, n_runs = time.process_time(), 0
            while not n_runs or time.process_time() - start < 0.2:  # short ones several times
                results[name], n_runs = search(), n_runs + 1
            times[name].append((time.process_time() - start) / n_runs)
    return {name: (results[name], median(times[name])) for name in searches}


def compare(case: Case, seed: int, n_rounds: int, noise: float, table: Table) -> None:
    """Add a row for each search on one network."""
    rnn, states = train(case, seed)
    x, flat = torch.zeros(3), states.reshape(-1, states.shape[-1])
    reference = _reference(rnn, states, x)
    rng = torch.Generator().manual_seed(seed)
    starts = flat[torch.randint(len(flat), (N_STARTS,), generator=rng)]
    starts = starts + noise * torch.randn(starts.shape, generator=rng)
    seeds = count()  # by luck, a search takes a round more or less
    searches: dict[str, Callable[[], Any]] = {
        "pyrnn": lambda: find_fixed_points(rnn, states, x, rng=next(seeds)),
        "Adam float32": lambda: joint_adam(rnn, starts, x, torch.float32),
        "Adam float64": lambda: joint_adam(rnn, starts, x, torch.float64),
    }
    find_fixed_points(rnn, states, x)  # whatever is done once only
    results = race(searches, n_rounds)
    points, ours = results.pop("pyrnn")
    trust = f"{int(certify(rnn, points).is_certified.sum())}, {points.index_sum:+d}"
    _add_row(table, case, "pyrnn", points.states, points.speeds, reference, (ours, ours), trust)
    for name, ((found, speeds), seconds) in results.items():
        _add_row(table, case, name, found, speeds, reference, (seconds, ours), "")
    if not bool(points.is_stable.any()):
        _add_cycles(table, case, rnn, states[:, ::10], x)


def _add_row(
    table: Table,
    case: Case,
    name: str,
    found: Tensor,
    speeds: Tensor,
    reference: Tensor,
    seconds: tuple[float, float],
    trust: str,
) -> None:
    recall, junk = _score(found, reference)
    table.add_row(
        case.name,
        name,
        f"{seconds[0]:.4f}",
        f"{seconds[0] / seconds[1]:.1f}",
        f"{recall} / {len(reference)}",
        str(junk),
        f"{float(speeds.max()) if len(speeds) else 0:.0e}",
        trust,
    )


def _add_cycles(table: Table, case: Case, rnn: RNNBase, starts: Tensor, x: Tensor) -> None:
    """Add the attractors of a network that has no stable point."""
    start = time.process_time()
    attractors = find_attractors(rnn, starts, x)
    seconds = f"{time.process_time() - start:.4f}"
    counts = Counter(cycle.period for cycle in attractors if cycle.is_stable)
    found = ", ".join(f"{n} of period {period}" for period, n in sorted(counts.items()))
    residual = max((cycle.residual for cycle in attractors), default=0.0)
    table.add_row(case.name, "cycles", seconds, "", found, "", f"{residual:.0e}", "")


def _reference(rnn: RNNBase, states: Tensor, x: Tensor) -> Tensor:
    """Return all points that three long searches find together."""
    found = []
    for seed in range(3):
        rng = torch.Generator().manual_seed(1000 + seed)
        found.append(find_fixed_points(rnn, states, x, round_size=128, rng=rng).states)
    return _merge(torch.cat(found), 1e-4)


def _score(found: Tensor, reference: Tensor) -> tuple[int, int]:
    """Return how many true points were found, and how many others."""
    if not len(found) or not len(reference):
        return 0, len(found)
    distance = torch.cdist(reference, found)
    return int((distance.amin(1) < SAME).sum()), int((distance.amin(0) >= SAME).sum())


def check(case: Case, seed: int, table: Table) -> None:
    """Add a row that says how many searches of a network found everything, and nothing else."""
    rnn, states = train(case, seed)
    x = torch.zeros(3)
    reference = _reference(rnn, states, x)
    searches = [find_fixed_points(rnn, states, x, rng=i) for i in range(N_SEARCHES)]
    is_whole = [_score(points.states, reference) == (len(reference), 0) for points in searches]
    certified = [int(certify(rnn, points).is_certified.sum()) for points in searches]
    table.add_row(
        f"{case.name}, seed {seed}",
        f"{sum(is_whole)} / {N_SEARCHES}",
        str(len(reference)),
        "/".join(map(str, torch.bincount(searches[0].n_unstable).tolist())),
        f"{max(float(points.speeds.max()) for points in searches):.0e}",
        str(min(certified)),
        ", ".join(f"{value:+d}" for value in sorted({points.index_sum for points in searches})),
    )


def _recall_table(seeds: range, cases: list[Case]) -> Table:
    columns = ("whole", "points", "by unstable modes", "residual", "certified", "index sum")
    table = Table("network", *columns)
    for case in cases:
        for seed in seeds:
            check(case, seed, table)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--recall",
        type=int,
        metavar="SEEDS",
        help="only check our own search on this many networks of each kind",
    )
    parser.add_argument("--quick", action="store_true", help="only the networks of 16 units")
    parser.add_argument("--only", default="", help="part of the name of a network")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--noise", type=float, default=0.5, help="on the starts of the other")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = [case for case in CASES if options.only in case.name]
    cases = [case for case in cases if "16" in case.name or not options.quick]
    if options.recall:
        table = _recall_table(range(options.seed, options.seed + options.recall), cases)
    else:
        columns = ("seconds", "ratio", "found", "junk", "residual", "certified, index sum")
        table = Table("network", "search", *columns)
        for case in cases:
            compare(case, options.seed, options.rounds, options.noise, table)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
