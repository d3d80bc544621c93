"""From the start of a process to a trained network: pyrnn and plain JAX.

    python benchmarks/start.py --jax-python .venv-jax/bin/python

Both get the same data, initial weights, batches and optimizer (Adam, clipped), and make the same
number of steps; the time is that of the whole process, imports and compilation included.

- A: a flip-flop of 3 bits; 512 trials of 64 steps in batches of 128, 64 tanh units, 49 epochs,
  after which the mean squared error is 0.005.
- B: a decision between two noisy inputs; 16 batches of 64 trials of 22 steps, 64 rectified leaky
  units, cross-entropy, 6 epochs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

LR, CLIP, UNITS = 5e-3, 1.0, 64
TASKS = {"A": (512, 64, 128, 49), "B": (1024, 22, 64, 6)}  # trials, steps, batch, epochs


def data(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets."""
    rng = np.random.default_rng(0)
    n, steps, _, _ = TASKS[task]
    if task == "A":
        pulses = (rng.random((n, steps, 3)) < 0.1) * rng.choice([-1.0, 1.0], (n, steps, 3))
        pulses[:, 0] = rng.choice([-1.0, 1.0], (n, 3))
        last = np.maximum.accumulate(np.where(pulses != 0, np.arange(steps)[:, None], 0), axis=1)
        inputs, targets = pulses, np.take_along_axis(pulses, last, axis=1)
    else:
        choice = rng.integers(0, 2, n)
        evidence = 0.5 * rng.normal(size=(n, steps, 2)) + 0.5
        evidence[np.arange(n), :, choice] += 0.25
        inputs, targets = evidence, np.eye(2)[choice][:, None].repeat(steps, axis=1)
    return inputs.astype(np.float32), targets.astype(np.float32)


def weights(task: str) -> dict[str, np.ndarray]:
    """Return initial weights."""
    rng, channels = np.random.default_rng(1), 3 if task == "A" else 2
    shapes = {
        "w_in": (UNITS, channels),
        "w_rec": (UNITS, UNITS),
        "b": (UNITS,),
        "w_out": (channels, UNITS),
        "c": (channels,),
    }
    return {
        name: (rng.normal(size=shape) / np.sqrt(shape[-1])).astype("f") * (len(shape) > 1)
        for name, shape in shapes.items()
    }


def by_pyrnn(task: str) -> float:
    import torch

    from pyrnn import CTRNN, RNN

    inputs, targets = map(torch.from_numpy, data(task))
    channels, (_, _, batch, epochs) = inputs.shape[-1], TASKS[task]
    rnn = RNN(channels, UNITS, channels) if task == "A" else None
    if rnn is None:
        rnn = CTRNN(channels, UNITS, channels, activation="relu", tau=100.0, dt=20.0)
    places = {
        "w_in": rnn.w_in.weight,
        "w_rec": rnn.w_rec.weight,
        "b": rnn.w_rec.bias,
        "w_out": rnn.w_out.weight,
        "c": rnn.w_out.bias,
    }
    with torch.no_grad():
        for name, value in weights(task).items():
            places[name].copy_(torch.from_numpy(value))
    dataset = torch.utils.data.TensorDataset(inputs, targets)
    options: dict[str, Any] = {"lr": LR, "clip_norm": CLIP, "batch_size": batch, "progress": False}
    loss = "mse" if task == "A" else "cross_entropy"
    history = rnn.fit(dataset, epochs=epochs, loss=loss, shuffle=False, **options)
    n_batches = len(inputs) // batch
    return float(np.mean(history.loss[-n_batches:]))


def by_jax(task: str) -> float:
    import jax
    import jax.numpy as jnp
    import optax

    inputs, targets = (jnp.asarray(array.swapaxes(0, 1)) for array in data(task))
    (_, _, batch, epochs), params = (
        TASKS[task],
        {k: jnp.asarray(v) for k, v in weights(task).items()},
    )
    optimizer = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(LR))

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        drive = x @ params["w_in"].T + params["b"]

        def step(h: Any, d: Any) -> Any:
            if task == "A":
                h = jnp.tanh(h @ params["w_rec"].T + d)
            else:
                h = 0.8 * h + 0.2 * (jax.nn.relu(h) @ params["w_rec"].T + d)
            return h, h

        states = jax.lax.scan(step, jnp.zeros((x.shape[1], UNITS)), drive)[1]
        sent = states if task == "A" else jax.nn.relu(states)
        outputs = sent @ params["w_out"].T + params["c"]
        if task == "A":
            return jnp.mean(jnp.square(outputs - y))
        return jnp.mean(optax.softmax_cross_entropy(outputs, y))

    @jax.jit
    def train(params: Any, state: Any, x: Any, y: Any) -> Any:
        loss, grads = jax.value_and_grad(loss_of)(params, x, y)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, loss

    state, losses = optimizer.init(params), []
    for _ in range(epochs):
        losses = []
        for start in range(0, inputs.shape[1], batch):
            part = slice(start, start + batch)
            params, state, loss = train(params, state, inputs[:, part], targets[:, part])
            losses.append(loss)
    return float(np.mean([float(loss) for loss in losses]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jax-python", default=sys.executable, help="Python that has JAX")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        engine, task = args.worker
        print({"pyrnn": by_pyrnn, "jax": by_jax}[engine](task))
        return
    pythons = {"pyrnn": sys.executable, "jax": args.jax_python}
    surroundings = os.environ | {"OMP_NUM_THREADS": str(args.threads)}
    print("seconds by the clock (median), and loss of the last epoch")
    for task in TASKS:
        times: dict[str, list[float]] = {engine: [] for engine in pythons}
        losses = {}
        for _ in range(args.rounds):
            for engine, python in pythons.items():
                began = time.perf_counter()
                command = [python, __file__, "--worker", engine, task]
                run = subprocess.run(command, env=surroundings, capture_output=True, text=True)
                times[engine].append(time.perf_counter() - began)
                if run.returncode:
                    raise RuntimeError(run.stderr[-2000:])
                losses[engine] = float(run.stdout.splitlines()[-1])
        median = {engine: statistics.median(values) for engine, values in times.items()}
        ratios = [theirs / ours for ours, theirs in zip(times["pyrnn"], times["jax"], strict=True)]
        cells = [f"{e} {median[e]:.2f} s, loss {losses[e]:.5f}" for e in pythons]
        print(task, *cells, f"ratio {statistics.median(ratios):.2f}", sep=" | ", flush=True)


if __name__ == "__main__":
    main()
