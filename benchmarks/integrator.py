"""The white-noise integrator's published recipe, by pyrnn's ``fit`` and in plain JAX.

    python benchmarks/integrator.py                  # 2000 steps each, three rounds in turn
    python benchmarks/integrator.py --steps 10000

Both make fresh batches at every step: 128 trials of 25 steps, 100 tanh units, mean squared error
plus 2e-4 times the squares of weights and final states, Adam (epsilon 0.1), a falling rate,
clipping at 5. JAX's step, its batch included, is jitted whole. Times are of the steps alone,
without imports and compilation. JAX comes with ``pip install pyrnn[benchmarks]``, or is taken
from ``--jax-python``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from functools import partial
from typing import Any

import numpy as np

TRIALS, STEPS, UNITS, DT = 128, 25, 100, 0.04
LR, DECAY, L2 = 0.025, 0.99975, 2e-4


def with_pyrnn(n_steps: int) -> tuple[float, list[float]]:
    import torch
    from torch.optim.lr_scheduler import ExponentialLR

    from pyrnn import RNN
    from pyrnn.tasks import WhiteNoiseIntegrator

    def whole_l2(rnn: Any, rollout: Any) -> torch.Tensor:
        layers = (rnn.w_in, rnn.w_rec, rnn.w_out)
        weights = sum(p.square().sum() for layer in layers for p in layer.parameters())
        return L2 * (weights + rollout.states[:, -1].square().sum())

    task = WhiteNoiseIntegrator(dt=1000 * DT, duration=1000.0, n_trials=100 * TRIALS, seed=0)
    rnn = RNN(1, UNITS, 1, gain=0.85, train_initial_state=True, dt=1000 * DT, seed=0)
    torch.nn.init.normal_(rnn.w_out.weight, std=UNITS**-0.5)
    torch.nn.init.normal_(rnn.h0, std=0.1)
    options: dict[str, Any] = {
        "batch_size": TRIALS,
        "lr": LR,
        "optimizer": partial(torch.optim.Adam, eps=0.1),
        "scheduler": lambda optimizer: ExponentialLR(optimizer, DECAY),
        "penalties": whole_l2,
        "clip_norm": 5.0,
        "progress": False,
    }
    began: list[float] = []
    history = rnn.fit(
        task,
        epochs=n_steps // 100 + 1,
        callbacks=lambda training: began.append(time.perf_counter()),
        **options,
    )
    return began[-1] - began[0], history.loss[100:]  # the first epoch warms up


def with_jax(n_steps: int) -> tuple[float, list[float]]:
    import jax
    import jax.numpy as jnp
    import optax

    def batch(key: Any) -> Any:
        noise_key, bias_key = jax.random.split(key)
        bias = 0.02 * (jax.random.normal(bias_key, (TRIALS, 1)) - 0.5)
        noise = 0.025 / DT**0.5 * jax.random.normal(noise_key, (STEPS, TRIALS, 1))
        return bias + noise, jnp.cumsum(bias + noise, 0)

    def loss(params: Any, inputs: Any, targets: Any) -> Any:
        drive = inputs @ params["w_in"].T + params["b"]

        def step(h: Any, d: Any) -> Any:
            h = jnp.tanh(h @ params["w_rec"].T + d)
            return h, h

        start = jnp.broadcast_to(params["h0"], (TRIALS, UNITS))
        last, states = jax.lax.scan(step, start, drive)
        outputs = states @ params["w_out"].T + params["c"]
        weights = sum(jnp.square(p).sum() for name, p in params.items() if name != "h0")
        return jnp.square(outputs - targets).mean() + L2 * (weights + jnp.square(last).sum())

    rng = np.random.default_rng(0)
    params = {
        "w_in": rng.normal(size=(UNITS, 1)),
        "w_rec": 0.85 * UNITS**-0.5 * rng.normal(size=(UNITS, UNITS)),
        "w_out": UNITS**-0.5 * rng.normal(size=(1, UNITS)),
        "h0": 0.1 * rng.normal(size=UNITS),
        "b": np.zeros(UNITS),
        "c": np.zeros(1),
    }
    params = {name: jnp.asarray(p, jnp.float32) for name, p in params.items()}
    rate = optax.exponential_decay(LR, 1, DECAY)
    optimizer = optax.chain(optax.clip_by_global_norm(5.0), optax.adam(rate, eps=0.1))

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def train(params: Any, state: Any, key: Any) -> Any:
        key, now = jax.random.split(key)
        value, grads = jax.value_and_grad(loss)(params, *batch(now))
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, key, value

    carried, losses = [params, optimizer.init(params), jax.random.key(0)], []
    for i in range(n_steps + 100):
        if i == 100:
            began = time.perf_counter()
        *carried[:], value = train(*carried)
        losses.append(value)
    losses = [float(value) for value in losses]
    return time.perf_counter() - began, losses[100:]


ENGINES = {"pyrnn": with_pyrnn, "jax": with_jax}


def measure(engine: str, args: argparse.Namespace) -> dict[str, float]:
    """Run one engine in a process of its own."""
    python = args.jax_python if engine == "jax" else sys.executable
    command = [python, __file__, "--worker", engine, "--steps", str(args.steps)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{engine}: {run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jax-python", default=sys.executable, help="Python that has JAX")
    parser.add_argument("--worker", choices=ENGINES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        seconds, losses = ENGINES[args.worker](args.steps)
        print(json.dumps({"seconds": seconds, "loss": statistics.mean(losses[-100:])}))
        return
    rounds = [{engine: measure(engine, args) for engine in ENGINES} for _ in range(args.rounds)]
    for engine in ENGINES:
        seconds = statistics.median(found[engine]["seconds"] for found in rounds)
        loss = statistics.median(found[engine]["loss"] for found in rounds)
        print(f"{engine:6} {seconds:7.2f} s for {args.steps} steps, last 100 losses {loss:.4f}")
    ratio = statistics.median(r["jax"]["seconds"] / r["pyrnn"]["seconds"] for r in rounds)
    print(f"JAX takes {ratio:.2f} times as long as pyrnn")


if __name__ == "__main__":
    main()
