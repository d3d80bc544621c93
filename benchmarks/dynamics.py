"""How long each analysis takes as networks grow, here and in other checkouts of pyrnn.

    python benchmarks/dynamics.py                                # 64 to 512 units, some minutes
    python benchmarks/dynamics.py --sizes 64 256 --old ../pyrnn-0.1 --only find certify

The network has 27 fixed points at every size: three orthogonal patterns in its weights, and noise.
Each measurement is a process of its own; checkouts take turns. Printed are medians in seconds, by
the clock, how many points were found, the slope between sizes on logarithmic axes, and how many
times longer an older checkout takes. ``--old`` names folders that hold the package ``pyrnn``, with
its kernel built in place (``python setup.py build_ext --inplace``).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

N_PATTERNS, GAIN, NOISE = 3, 4.0, 0.3
HERE = Path(__file__).resolve().parent.parent


def network(n: int) -> tuple[Any, Any]:
    """Return a network with 27 fixed points, and states that it visits."""
    import torch

    from pyrnn import RNN

    rng = torch.Generator().manual_seed(0)
    axes, _ = torch.linalg.qr(torch.randn(n, N_PATTERNS, generator=rng))
    rnn = RNN(N_PATTERNS, n, N_PATTERNS, seed=0)
    noise = NOISE * torch.randn(n, n, generator=rng) / n**0.5
    with torch.no_grad():
        rnn.w_rec.weight.copy_(GAIN * axes @ axes.T + noise)
        rnn.w_rec.bias.zero_()
    along = torch.randn(512, N_PATTERNS, generator=rng)
    return rnn, torch.tanh(n**0.5 * along @ axes.T)


def analyses(n: int) -> dict[str, Callable[[], Any]]:
    """Return what to time, by name."""
    import torch

    from pyrnn import dynamics

    rnn, states = network(n)
    x, known = torch.zeros(N_PATTERNS), {}

    def points() -> Any:
        if "points" not in known:
            known["points"] = dynamics.find_fixed_points(rnn, states, x)
        return known["points"]

    return {
        "find": lambda: dynamics.find_fixed_points(rnn, states, x),
        "certify": lambda: dynamics.certify(rnn, points()),
        "graph": lambda: dynamics.transition_graph(rnn, points()),
        "lyapunov": lambda: dynamics.lyapunov_spectrum(
            rnn, states[:1], x, n_steps=50, n_transient=10
        ),
        "branches": lambda: dynamics.find_branches(
            rnn, points().states, (0.0, 0.2), x=x, direction=torch.eye(N_PATTERNS)[0]
        ),
    }


def worker(name: str, n: int, seconds: float) -> None:
    """Time one analysis and print the result."""
    run = analyses(n)[name]
    result, durations = run(), []  # the first call also does what is done once only
    while not durations or (sum(durations) < seconds and len(durations) < 99):
        began = time.perf_counter()
        result = run()
        durations.append(time.perf_counter() - began)
    print(json.dumps({"s": statistics.median(durations), "n": len(result)}))


def measure(folder: Path, name: str, n: int, args: argparse.Namespace) -> dict[str, float]:
    """Run one analysis with the pyrnn of a folder; NaN where it fails."""
    command = [sys.executable, __file__, "--worker", name, str(n), "--seconds", str(args.seconds)]
    surroundings = {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": str(args.threads)}
    run = subprocess.run(command, env=os.environ | surroundings, capture_output=True, text=True)
    if run.returncode:
        print(run.stderr[-500:], file=sys.stderr)
        return {"s": math.nan, "n": 0}
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["find", "certify", "graph", "lyapunov", "branches"]
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    parser.add_argument("--sizes", nargs="+", type=int, default=[64, 128, 256, 512])
    parser.add_argument("--old", nargs="*", type=Path, default=[], help="other checkouts")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker[0], int(args.worker[1]), args.seconds)
        return
    for name in args.only:
        before: tuple[int, float] | None = None
        for n in args.sizes:
            folders = [HERE, *args.old]
            rounds = [[measure(f, name, n, args) for f in folders] for _ in range(args.rounds)]
            seconds = statistics.median(ours["s"] for ours, *_ in rounds)
            cells = [f"{name:9} {n:5} {seconds:9.4f} s, {rounds[-1][0]['n']:.0f} found"]
            if before is not None:
                slope = math.log(seconds / before[1]) / math.log(n / before[0])
                cells.append(f"slope {slope:.1f}")
            for i, folder in enumerate(args.old, start=1):
                ratio = statistics.median(found[i]["s"] / found[0]["s"] for found in rounds)
                cells.append(f"{folder.name} {ratio:.2f}x, {rounds[-1][i]['n']:.0f} found")
            print(" | ".join(cells), flush=True)
            before = n, seconds


if __name__ == "__main__":
    main()
