"""Compare the search of pyrnn with that of FixedPointFinder, on networks trained here.

Run ``python benchmarks/fixed_points.py``, or with ``--quick`` for the small networks only.
Both searches get the same network, task states, machine and process, on one thread; time is that
of the CPU, which other programs on the machine hardly touch.

"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from pyrnn import RNN, RNNBase, TorchRNN
from pyrnn.dynamics import certify, find_attractors, find_fixed_points
from pyrnn.dynamics.step import frozen_step
from pyrnn.tasks import FlipFlop

N_STARTS = 1024
SAME = 1e-2  # a point this close to a true one counts as that one


@dataclass(frozen=True)
class Case:
    """A network to train and search."""

    name: str
    make: Callable[[int], RNNBase]
    lr: float = 0.01
    epochs: int = 15
    n_repeats: int = 5


CASES = [
    Case("tanh 16", lambda seed: RNN(3, 16, 3, seed=seed)),
    Case("tanh 64", lambda seed: RNN(3, 64, 3, seed=seed)),
    Case("tanh 256", lambda seed: RNN(3, 256, 3, seed=seed), lr=0.003, n_repeats=2),
    Case("GRU 16", lambda seed: TorchRNN(3, 16, 3, cell="gru", seed=seed)),
    Case("cycles 64", lambda seed: TorchRNN(3, 64, 3, seed=seed), lr=0.088, epochs=20),
]


def train(case: Case, seed: int) -> tuple[RNNBase, Tensor]:
    """Return a network that solves the 3-bit flip-flop, and the states that it visits."""
    task, rnn = FlipFlop(n_bits=3, seed=seed), case.make(seed)
    rnn.fit(task, epochs=case.epochs, lr=case.lr, progress=False)
    return rnn, rnn.predict(task.batch(64, start=10**6).inputs).states


def joint_adam(
    rnn: RNNBase, starts: Tensor, x: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Find points as FixedPointFinder does by default; return them and their speeds.

    All starts together minimise the mean of q = |F(h) - h|² / 2 by Adam at learning rate 1, which
    shrinks by 5 % after five iterations without progress, until each start has q < 1e-12 or
    changes by less than 1e-20; at most 5000 iterations. Points closer than 1e-3 are merged, those
    farther from the starts' mean than ten times the usual distance are dropped, and Jacobians and
    eigenvalues are taken of the rest.
    """
    h = starts.to(dtype).clone().requires_grad_()
    x = x.to(dtype).expand(len(h), -1)
    step = frozen_step(rnn, h.detach(), x)
    optimizer = torch.optim.Adam([h], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.95, patience=5)
    before = torch.full_like(h[:, 0], torch.inf)
    for _ in range(5000):
        q = (step(h, x) - h).square().sum(-1) / 2
        loss = q.mean()
        change = (q - before).abs() / optimizer.param_groups[0]["lr"]
        if bool(((q < 1e-12) | (change < 1e-20)).all()):
            break
        before = q.detach()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step(loss.detach())
    found = _merge(h.detach(), 1e-3)
    distance = (starts.to(dtype) - starts.to(dtype).mean(0)).norm(dim=-1).mean()
    found = found[(found - starts.to(dtype).mean(0)).norm(dim=-1) < 10 * distance]
    _eigenvalues(step, found, x[: len(found)])
    return found.double(), (step(found, x[: len(found)]) - found).norm(dim=-1).double()


def _merge(h: Tensor, radius: float) -> Tensor:
    kept = h[:1]
    for state in h[1:]:
        if (kept - state).norm(dim=-1).min() > radius:
            kept = torch.cat([kept, state[None]])
    return kept


def _eigenvalues(step: Callable[[Tensor, Tensor], Tensor], h: Tensor, x: Tensor) -> Tensor:
    h = h.clone().requires_grad_()
    rows = [
        torch.autograd.grad(out.sum(), h, retain_graph=True)[0] for out in step(h, x).unbind(-1)
    ]
    return torch.linalg.eigvals(torch.stack(rows, dim=1))


def timed(search: Callable[[], Any], n_repeats: int) -> tuple[Any, float]:
    """Return the last result, and the median of the CPU times in seconds."""
    times = []
    for _ in range(n_repeats):
        start = time.process_time()
        result = search()
        times.append(time.process_time() - start)
    return result, sorted(times)[len(times) // 2]


def compare(case: Case, seed: int, table: Table) -> None:
    """Add a row for each search on one network."""
    rnn, states = train(case, seed)
    x = torch.zeros(3)
    reference = _reference(rnn, states, x)
    flat = states.reshape(-1, states.shape[-1])
    rng = torch.Generator().manual_seed(seed)
    starts = flat[torch.randint(len(flat), (N_STARTS,), generator=rng)]

    points, ours = timed(lambda: find_fixed_points(rnn, states, x), case.n_repeats + 1)
    rows = [("pyrnn", ours, points.states, points.speeds)]
    for dtype in (torch.float32, torch.float64):

        def search(dtype: torch.dtype = dtype) -> tuple[Tensor, Tensor]:
            return joint_adam(rnn, starts, x, dtype)

        (found, speeds), seconds = timed(search, 1 if case.n_repeats < 5 else 2)
        rows.append((f"Adam {str(dtype)[6:]}", seconds, found, speeds))
    certificates = certify(rnn, points)
    for name, seconds, found, speeds in rows:
        recall, junk = _score(found, reference)
        table.add_row(
            case.name,
            name,
            f"{seconds:.3f}",
            f"{seconds / ours:.1f}",
            f"{recall} / {len(reference)}",
            str(junk),
            f"{float(speeds.max()) if len(speeds) else 0:.0e}",
            f"{int(certificates.is_certified.sum())}, {points.index_sum:+d}"
            if name == "pyrnn"
            else "",
        )
    if not bool(points.is_stable.any()):
        attractors, seconds = timed(lambda: find_attractors(rnn, states[:, ::10], x), 1)
        periods = ", ".join(str(cycle.period) for cycle in attractors)
        table.add_row(case.name, "cycles", f"{seconds:.3f}", "", f"periods {periods}", "", "", "")


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
    """Add a row that says whether a search found everything, and only fixed points."""
    rnn, states = train(case, seed)
    x = torch.zeros(3)
    points = find_fixed_points(rnn, states, x, rng=torch.Generator().manual_seed(seed))
    reference = _reference(rnn, states, x)
    recall, junk = _score(points.states, reference)
    counts = torch.bincount(points.n_unstable).tolist()
    table.add_row(
        f"{case.name}, seed {seed}",
        f"{recall} / {len(reference)}",
        str(junk),
        "/".join(map(str, counts)),
        f"{float(points.speeds.max()):.0e}",
        str(int(certify(rnn, points).is_certified.sum())),
        f"{points.index_sum:+d}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recall", type=int, metavar="SEEDS", help="only check our own search")
    parser.add_argument("--quick", action="store_true", help="only the networks of 16 units")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="part of the name of a network")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.recall:
        columns = (
            "network",
            "found",
            "junk",
            "by unstable modes",
            "residual",
            "certified",
            "index",
        )
        table = Table(*columns)
        for case in CASES[:4]:
            n_seeds = 1 if "256" in case.name else options.recall
            for seed in range(n_seeds if (options.only or "") in case.name else 0):
                check(case, seed, table)
        Console(width=110).print(table)
        return
    table = Table(
        "network",
        "search",
        "seconds",
        "ratio",
        "found",
        "junk",
        "residual",
        "certified, index sum",
    )
    for case in CASES:
        if (options.quick and "16" not in case.name) or (options.only or "") not in case.name:
            continue
        compare(case, options.seed, table)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
