"""How often, and how fast, a ring integrator is learned with and without a curriculum.

The network integrates angular velocity over 100 steps (Cueva et al. 2020). A run is a success once
the mean angle error on held-out trials of full length is below 8 degrees.
"""

from __future__ import annotations

import argparse
import time

import torch
from rich.console import Console
from rich.table import Table

from pyrnn import CTRNN, RNN, RateRNN, RNNBase
from pyrnn.tasks import HeadingIntegrator
from pyrnn.training import Curriculum, early_stopping

GOAL = 8.0


NETWORKS = {
    "rnn": lambda seed: RNN(3, 100, 2, dt=20.0, seed=seed),
    "rate": lambda seed: RateRNN(3, 100, 2, tau=100.0, dt=20.0, seed=seed),
    "dale": lambda seed: CTRNN(
        3, 100, 2, tau=100.0, dt=20.0, dale_ratio=0.8, autapses=False, seed=seed
    ),
}


def main(network: str = "rnn", n_with: int = 8, n_without: int = 3, epochs: int = 125) -> None:
    torch.set_num_threads(1)
    curriculum = Curriculum(steps=[200, 500, 900], duration=[300.0, 500.0, 1000.0, 2000.0])
    table = Table("curriculum", "seed", "error (°)", "steps", "seconds")
    for name, stages, n_seeds in (("with", curriculum, n_with), ("without", None, n_without)):
        errors = []
        for seed in range(n_seeds):
            error, n_steps, seconds = run(NETWORKS[network](seed), seed, stages, epochs)
            errors.append(error)
            table.add_row(name, str(seed), f"{error:.1f}", str(n_steps), f"{seconds:.1f}")
        n_learned = sum(error < GOAL for error in errors)
        print(f"{network} {name} curriculum: {n_learned} of {n_seeds} below {GOAL:g}°", flush=True)
    Console().print(table)


def run(
    rnn: RNNBase, seed: int, curriculum: Curriculum | None, epochs: int
) -> tuple[float, int, float]:
    """Train one network; return its error, how many steps and how many CPU seconds it took."""
    task = HeadingIntegrator(seed=seed)
    began = time.process_time()
    history = rnn.fit(
        task,
        epochs=epochs,
        lr=3e-3,
        scheduler="cosine",
        clip_norm=1.0,
        curriculum=curriculum,
        validation=task.replace(seed=seed + 1000, n_trials=256, online=False),
        callbacks=early_stopping("validation_angle error (deg)", below=GOAL),
        seed=seed,
        progress=False,
    )
    seconds = time.process_time() - began
    return history.epochs["validation_angle error (deg)"][-1], history.n_steps, seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, default="rnn")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--seeds-without", type=int, default=3)
    arguments = parser.parse_args()
    main(arguments.network, arguments.seeds, arguments.seeds_without)
