"""A population that the engine of the first argument trains and analyzes."""

import contextlib
import sys

import joblib

from pyrnn import CTRNN
from pyrnn.populations import grid, train_population
from pyrnn.tasks import FlipFlop


class NetworkOfTheCluster(CTRNN):
    """A class of the script."""


def make(seed, dale_ratio):
    rnn = NetworkOfTheCluster(2, 8, 2, dale_ratio=dale_ratio, seed=seed)
    return rnn, FlipFlop(2, n_trials=128, seed=seed), {"epochs": 8}


def norm(network):
    assert isinstance(network, CTRNN)
    return float(network.w_rec.weight.detach().norm())


@contextlib.contextmanager
def workers(engine):
    """Start two workers of an engine."""
    if engine == "dask":
        from distributed import Client, LocalCluster

        two = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(**two) as cluster, Client(cluster), joblib.parallel_config("dask"):
            yield
    elif engine == "ray":
        import ray
        from ray.util.joblib import register_ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        register_ray()
        with joblib.parallel_config("ray"):
            yield
        ray.shutdown()
    else:
        yield


def main(engine):
    n_jobs = 1 if engine == "alone" else 2
    with workers(engine):
        runs = grid(seed=range(3), dale_ratio=[None, 0.8])
        population = train_population(make, runs, "runs", n_jobs=n_jobs, progress=False)
        tests, measures = {"longer": {"duration": 2000.0}}, {"norm": norm}
        population = population.analyze(
            tests=tests, measures=measures, n_jobs=n_jobs, progress=False
        )
    for rnn in population:
        rnn.save("copy.pt")


if __name__ == "__main__":
    main(sys.argv[1])
