"""A hundred flip-flops of the README: trained, certified, sorted into classes, compared.

    python benchmarks/populations.py                          # some minutes
    python benchmarks/populations.py --n 16 --jax-python .venv-jax/bin/python

Times are CPU seconds of one process with one thread, with those of its children. JAX trains as
many networks in one ``lax.map`` over a jitted ``lax.scan``, on data that it is given. dsa-metric
compares three pairs. Both are left out where they are not installed; ``--jax-python`` and
``--dsa-python`` name a Python that has them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

EPOCHS = 20
DSA = {"n_delays": 5, "rank": 15}


def make(seed: int) -> Any:
    """Return a network of the README, its task and options of ``fit``."""
    from pyrnn import CTRNN
    from pyrnn.tasks import FlipFlop

    rnn = CTRNN(3, 64, 3, dale_ratio=0.8, autapses=False, seed=seed)
    return rnn, FlipFlop(seed=seed), {"epochs": EPOCHS}


def cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def timed(name: str, work: Callable[[], Any], *, quiet: bool = False) -> Any:
    """Do some work and print how long it took."""
    began, start = time.perf_counter(), cpu()
    result = work()
    if not quiet:
        wall = time.perf_counter() - began
        print(f"{name:34s} {cpu() - start:8.2f} CPU s {wall:8.2f} s", flush=True)
    return result


def ours(n: int, n_jobs: int, folder: Path) -> None:
    """Time each step of a population, and what is left when nothing is left to do."""
    from pyrnn.populations import compare, find_classes, grid, train_population

    runs, start = grid(seed=range(n)), cpu()

    def train() -> Any:
        return train_population(make, runs, folder, n_jobs=n_jobs, progress=False)

    trained = timed(f"train {n} networks", train)
    population = timed(
        "analyze, certify, test", lambda: trained.analyze(n_jobs=n_jobs, progress=False)
    )
    classes = timed("sort into classes", lambda: find_classes(population))
    distances = timed("shape of all pairs", lambda: compare(population))
    print(f"{'together':34s} {cpu() - start:8.2f} CPU s")
    for measure in ("spectra", "cka", "dsa"):
        timed(f"{measure} of all pairs", lambda m=measure: compare(population, m))
    timed("nothing left to do", lambda: train().analyze(progress=False))
    print(classes.summary(), distances.summary(), sep="\n")


def theirs(name: str, python: str, *arguments: str) -> None:
    """Run another program in a process of its own, if it is installed."""
    command = [python, __file__, "--only", name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout.strip() or f"{name}: not installed ({done.stderr.strip()[-80:]})")


def jax_map(n: int) -> None:
    """Train networks of the same sizes with JAX, on data that are given."""
    import jax
    import jax.numpy as jnp
    import optax

    rng = np.random.default_rng(0)
    inputs = jnp.asarray(rng.normal(size=(100, 64, 3)), jnp.float32)
    targets = jnp.asarray(0.3 * rng.normal(size=(100, 64, 3)), jnp.float32)
    optimizer = optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01))

    def loss(params: Any) -> Any:
        drive = inputs @ params["w_in"].T

        def step(h: Any, d: Any) -> Any:
            h = 0.9 * h + 0.1 * (jnp.tanh(h) @ params["w_rec"].T + d)
            return h, h

        states = jax.lax.scan(step, jnp.zeros((64, 64)), drive)[1]
        return jnp.mean(jnp.square(jnp.tanh(states) @ params["w_out"].T - targets))

    def train(key: Any) -> Any:
        shapes = {"w_in": (64, 3), "w_rec": (64, 64), "w_out": (3, 64)}
        keys = jax.random.split(key, 3)
        params = {
            name: jax.random.normal(k, shape) / 8
            for k, (name, shape) in zip(keys, shapes.items(), strict=True)
        }

        def step(carried: Any, _: Any) -> Any:
            now, state = carried
            updates, state = optimizer.update(jax.grad(loss)(now), state)
            return (optax.apply_updates(now, updates), state), None

        steps = 16 * EPOCHS
        return jax.lax.scan(step, (params, optimizer.init(params)), None, length=steps)[0][0]

    keys = jax.random.split(jax.random.key(0), n)
    run = jax.jit(lambda keys: jax.lax.map(train, keys))
    run.lower(keys).compile()
    timed(f"JAX lax.map, train {n}", lambda: jax.block_until_ready(run(keys)))


def dsa_metric(path: str) -> None:
    """Compare three networks with dsa-metric, and print its numbers."""
    from DSA import DSA as Analysis

    with np.load(path) as file:
        states = [file[name] for name in file.files]
    for score in ("wasserstein", "angular"):
        analysis = Analysis(states, score_method=score, device="cpu", **DSA)
        found = timed(f"dsa-metric, {score}, 3 pairs", analysis.fit_score)
        print("   ", json.dumps(np.round(np.asarray(found)[np.triu_indices(3, 1)], 7).tolist()))


def our_dsa(folder: Path) -> Path:
    """Compare the same three networks, and write their states for dsa-metric."""
    from pyrnn.populations import dsa_angle, dsa_distance, open_population
    from pyrnn.projection import Projection

    population = open_population(folder)[:3].analyze(progress=False)
    states = [population.analysis(i).states.double().numpy() for i in range(len(population))]
    pairs = [(0, 1), (0, 2), (1, 2)]
    squared = timed(
        "pyrnn, squared W2, 3 pairs",
        lambda: [dsa_distance(states[i], states[j], **DSA) ** 2 for i, j in pairs],
    )
    print("   ", np.round(squared, 7).tolist())
    angles = timed(
        "pyrnn, angle, 3 pairs, 12 starts",
        lambda: [dsa_angle(states[i], states[j], **DSA) for i, j in pairs],
    )
    print("   ", [f"{each.angle:.5f}, none is below {each.lowest:.5f}" for each in angles])
    reduced = [Projection.fit(each, 10).transform(each) for each in states]
    path = folder.parent / "states.npz"
    np.savez(path, *reduced)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--n", type=int, default=100, help="number of networks")
    parser.add_argument("--n-jobs", type=int, default=1, help="workers")
    parser.add_argument("--jax-python", default=sys.executable, help="Python that has JAX")
    parser.add_argument("--dsa-python", default=sys.executable, help="Python that has dsa-metric")
    parser.add_argument("--only", choices=["jax", "dsa"], help=argparse.SUPPRESS)
    parser.add_argument("--states", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only == "jax":
        jax_map(args.n)
    elif args.only == "dsa":
        dsa_metric(args.states)
    else:
        with tempfile.TemporaryDirectory() as folder:
            runs = Path(folder) / "runs"
            ours(args.n, args.n_jobs, runs)
            states = our_dsa(runs)
            theirs("dsa", args.dsa_python, "--states", str(states))
            theirs("jax", args.jax_python, "--n", str(args.n))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    main()
