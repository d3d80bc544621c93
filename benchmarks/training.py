"""Full training steps, side by side: pyrnn's ``fit``, jitted JAX, ``torch.nn.RNN``, a plain loop.

    python benchmarks/training.py                      # everything, some minutes
    python benchmarks/training.py --workloads W1 W4 --engines pyrnn jax

A step is: forward, mean squared error, backward, clipping of the gradient's norm, Adam. Every
measurement is a process of its own; engines take turns, so that a busy machine is unfair to all
alike. Medians are over steps, after a warm-up that includes compilation, and then over rounds. In
workloads with 16 networks, ``fit_many`` trains each of them on data of its own, JAX all of them on
the same data, with ``lax.map`` in one jitted step; the time is that of a step of one network.
JAX comes with ``pip install pyrnn[benchmarks]``, or is taken from ``--jax-python``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np


class Workload(NamedTuple):
    """Sizes and equation of a network and its batch; without gradient if ``is_inference``."""

    name: str
    form: str
    activation: str
    trials: int
    steps: int
    units: int
    channels: int = 3
    noise: float = 0.0
    is_inference: bool = False
    networks: int = 1


WORKLOADS = (
    Workload("W1", "vanilla", "tanh", 128, 25, 100),
    Workload("W2", "rate", "tanh", 1, 3000, 50, channels=1, noise=0.1),
    Workload("W3", "rate", "relu", 16, 22, 64),
    Workload("W3b", "rate", "relu", 16, 100, 64),
    Workload("W4", "current", "tanh", 64, 100, 64),
    Workload("W4b", "current", "tanh", 256, 1024, 64),
    Workload("W4c", "current", "tanh", 64, 256, 256),
    Workload("W3x16", "rate", "relu", 16, 22, 64, networks=16),
    Workload("W4x16", "current", "tanh", 64, 100, 64, networks=16),
    Workload("inference", "current", "tanh", 1, 50_000, 64, is_inference=True),
)
ALPHA, CLIP, LR = 0.1, 0.1, 1e-3


def arrays(work: Workload, seed: int = 0) -> dict[str, np.ndarray]:
    """Return the same inputs, targets and weights for every engine."""
    rng = np.random.default_rng(seed)
    n, k = work.units, work.channels

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.normal(size=shape)).astype(np.float32)

    return {
        "inputs": normal(work.trials, work.steps, k),
        "targets": normal(work.trials, work.steps, k, scale=0.3),
        "w_in": normal(n, k, scale=0.5),
        "w_rec": normal(n, n, scale=0.9 * n**-0.5),
        "b": np.zeros(n, np.float32),
        "w_out": normal(k, n, scale=n**-0.5),
        "c": np.zeros(k, np.float32),
        "alpha": np.linspace(ALPHA, 2 * ALPHA, n, dtype=np.float32),
    }


# ----------------------------------------------------------------------- engines: name -> a step


def pyrnn_network(work: Workload) -> Any:
    import torch

    from pyrnn import CTRNN, RNN, RateRNN

    data = arrays(work)
    options: dict[str, Any] = {"activation": work.activation, "noise": work.noise, "seed": 0}
    if work.form != "vanilla":
        cls = CTRNN if work.form == "current" else RateRNN
        options |= {"dt": 1.0, "tau": torch.from_numpy(1 / data["alpha"])}
    else:
        cls = RNN
    rnn = cls(work.channels, work.units, work.channels, **options)
    for name in ("w_in", "w_rec", "w_out"):
        getattr(rnn, name).weight.data.copy_(torch.from_numpy(data[name]))
    return rnn


def endless(work: Workload, n_steps: int, seed: int = 0) -> Any:
    """Return a dataset of one batch, again and again, that notes when it is asked for it."""
    import torch

    class Endless(torch.utils.data.Dataset[Any]):
        fields = tuple(
            torch.from_numpy(arrays(work, seed)[name]) for name in ("inputs", "targets")
        )
        times: ClassVar[list[float]] = []

        def __len__(self) -> int:
            return work.trials * n_steps

        def batch(self, indices: Any) -> Any:
            """Return the batch."""
            self.times.append(time.perf_counter())
            return self.fields

    return Endless()


def pyrnn_fit(work: Workload, seconds: float, engine: str | None = None) -> list[float]:
    """Time the steps of ``fit``, everything between one batch and the next."""
    rnn = pyrnn_network(work)
    rnn.engine = engine
    if work.is_inference:
        import torch

        inputs = torch.from_numpy(arrays(work)["inputs"])
        return repeat(lambda: rnn.predict(inputs), seconds)
    options = {"batch_size": work.trials, "clip_norm": CLIP, "lr": LR, "progress": False}
    trial = endless(work, 10)
    rnn.fit(trial, epochs=1, **options)
    n_steps = max(9, min(2000, int(seconds / np.median(np.diff(trial.times)) / work.networks)))
    data = [endless(work, n_steps, seed) for seed in range(work.networks)]
    if work.networks == 1:
        rnn.fit(data[0], epochs=1, **options)
    else:
        from pyrnn.training import fit_many

        fit_many([pyrnn_network(work) for _ in data], data, epochs=1, **options)
    return list(np.diff(data[0].times) / work.networks)


def pyrnn_bare(work: Workload, seconds: float) -> list[float]:
    """Time a hand-written loop around a pyrnn network: what ``fit`` may not fall behind."""
    return torch_steps(pyrnn_network(work), work, seconds)


def torch_steps(network: Any, work: Workload, seconds: float) -> list[float]:
    import torch

    inputs, targets = endless(work, 1).fields
    if work.is_inference:
        with torch.no_grad():
            return repeat(lambda: network(inputs), seconds)
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=LR, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        loss = (network(inputs)[0] - targets).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()

    return repeat(step, seconds)


def torch_rnn(work: Workload, seconds: float) -> list[float]:
    """Time torch's own vanilla network of the same size, whatever the equation."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            kind = work.activation
            self.rnn = torch.nn.RNN(work.channels, work.units, nonlinearity=kind, batch_first=True)
            self.w_out = torch.nn.Linear(work.units, work.channels)

        def forward(self, inputs: Any) -> Any:
            states = self.rnn(inputs)[0]
            return self.w_out(states), states

    return torch_steps(Net(), work, seconds)


def naive(work: Workload, seconds: float) -> list[float]:
    """Time the loop that one writes first."""
    import torch

    data = {name: torch.from_numpy(array) for name, array in arrays(work).items()}
    f = {"tanh": torch.tanh, "relu": torch.relu}[work.activation]

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w_in = torch.nn.Linear(work.channels, work.units)
            self.w_rec = torch.nn.Linear(work.units, work.units, bias=False)
            self.w_out = torch.nn.Linear(work.units, work.channels)
            self.w_rec.weight.data.copy_(data["w_rec"])

        def forward(self, inputs: Any) -> Any:
            h, alpha, outputs = inputs.new_zeros(len(inputs), work.units), data["alpha"], []
            for t in range(inputs.shape[1]):
                x = inputs[:, t]
                drive = self.w_in(x)
                if work.noise:
                    drive = drive + (2 / alpha).sqrt() * work.noise * torch.randn_like(drive)
                if work.form == "current":
                    h = (1 - alpha) * h + alpha * (self.w_rec(f(h)) + drive)
                    outputs.append(self.w_out(f(h)))
                else:
                    rate = f(self.w_rec(h) + drive)
                    h = rate if work.form == "vanilla" else (1 - alpha) * h + alpha * rate
                    outputs.append(self.w_out(h))
            return torch.stack(outputs, 1), h

    return torch_steps(Net(), work, seconds)


def jax_scan(work: Workload, seconds: float) -> list[float]:
    """Time ``lax.scan`` and optax, the whole step jitted; what can leave the scan has left it."""
    import jax
    import jax.numpy as jnp
    import optax

    data = {name: jnp.asarray(array) for name, array in arrays(work).items()}
    alpha, inputs, targets = data.pop("alpha"), data.pop("inputs"), data.pop("targets")
    inputs, targets = inputs.swapaxes(0, 1), targets.swapaxes(0, 1)  # time first, as scan has it
    f = {"tanh": jnp.tanh, "relu": jax.nn.relu}[work.activation]

    def forward(params: Any, key: Any) -> Any:
        drive = inputs @ params["w_in"].T + params["b"]
        if work.noise:
            drive += jnp.sqrt(2 / alpha) * work.noise * jax.random.normal(key, drive.shape)

        def step(h: Any, d: Any) -> Any:
            if work.form == "current":
                h = (1 - alpha) * h + alpha * (f(h) @ params["w_rec"].T + d)
            else:
                rate = f(h @ params["w_rec"].T + d)
                h = rate if work.form == "vanilla" else (1 - alpha) * h + alpha * rate
            return h, h

        states = jax.lax.scan(step, jnp.zeros((work.trials, work.units)), drive)[1]
        sent = f(states) if work.form == "current" else states
        return sent @ params["w_out"].T + params["c"], states

    key = jax.random.key(0)
    if work.is_inference:
        run = jax.jit(forward)
        return repeat(lambda: jax.block_until_ready(run(data, key)), seconds)
    optimizer = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(LR))

    def train(params: Any, state: Any, key: Any) -> Any:
        key, now = jax.random.split(key)
        loss, grads = jax.value_and_grad(
            lambda p: jnp.mean(jnp.square(forward(p, now)[0] - targets))
        )(params)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, key, loss

    carried = [data, optimizer.init(data), key]
    if work.networks > 1:
        return jax_map(train, carried, work, seconds)
    train = jax.jit(train, donate_argnums=(0, 1, 2))

    def step() -> None:
        *carried[:], loss = train(*carried)
        loss.block_until_ready()

    return repeat(step, seconds)


def jax_map(train: Any, carried: list[Any], work: Workload, seconds: float) -> list[float]:
    """Time the steps of many networks in one jitted ``lax.map``."""
    import jax
    import jax.numpy as jnp

    def repeated(leaf: Any) -> Any:
        return jnp.stack([leaf] * work.networks)

    stacked = [jax.tree.map(repeated, part) for part in carried[:2]]
    stacked.append(jax.random.split(carried[2], work.networks))
    every = jax.jit(lambda *parts: jax.lax.map(lambda part: train(*part), parts))

    def step() -> None:
        *stacked[:], loss = every(*stacked)
        loss.block_until_ready()

    return [duration / work.networks for duration in repeat(step, work.networks * seconds)]


ENGINES: dict[str, Callable[..., list[float]]] = {
    "pyrnn": pyrnn_fit,
    "jax": jax_scan,
    "nn.RNN": torch_rnn,
    "naive": naive,
    "bare": pyrnn_bare,
    "eager": lambda work, seconds: pyrnn_fit(work, seconds, engine="eager"),
}


def repeat(step: Callable[[], Any], seconds: float) -> list[float]:
    """Return the durations of a step, at least 7, after a warm-up."""
    for _ in range(3):
        step()
    durations: list[float] = []
    while len(durations) < 7 or (sum(durations) < seconds and len(durations) < 2000):
        began = time.perf_counter()
        step()
        durations.append(time.perf_counter() - began)
    return durations


# ------------------------------------------------------------------------------------ processes


def measure(engine: str, work: Workload, args: argparse.Namespace) -> dict[str, float]:
    """Run one engine on one workload in a process of its own."""
    python = args.jax_python if engine == "jax" else sys.executable
    command = [python, __file__, "--worker", engine, work.name, "--seconds", str(args.seconds)]
    threads = {"OMP_NUM_THREADS": str(args.threads)}
    run = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{engine} on {work.name}: {run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def worker(engine: str, name: str, seconds: float) -> None:
    work = next(work for work in WORKLOADS if work.name == name)
    durations = ENGINES[engine](work, seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"ms": 1e3 * statistics.median(durations), "n": len(durations), "MB": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", default=[work.name for work in WORKLOADS])
    parser.add_argument("--engines", nargs="+", default=["pyrnn", "jax", "nn.RNN", "naive"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement")
    parser.add_argument("--jax-python", default=sys.executable, help="Python that has JAX")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(*args.worker, args.seconds)
        return
    first, *others = args.engines
    print("ms per step (median), peak MB; ratio to", first)
    for work in (work for work in WORKLOADS if work.name in args.workloads):
        rounds = [{e: measure(e, work, args) for e in args.engines} for _ in range(args.rounds)]
        ms = {e: statistics.median(r[e]["ms"] for r in rounds) for e in args.engines}
        peak = {e: statistics.median(r[e]["MB"] for r in rounds) for e in args.engines}
        cells = [f"{first} {ms[first]:.3f} ms {peak[first]:.0f} MB"]
        for e in others:
            ratio = statistics.median(r[e]["ms"] / r[first]["ms"] for r in rounds)
            cells.append(f"{e} {ms[e]:.3f} ms {peak[e]:.0f} MB ({ratio:.2f}x)")
        print(f"{work.name:10}", " | ".join(cells), flush=True)


if __name__ == "__main__":
    main()
