"""A right call of every public function and constructor, by the names of its arguments."""

from __future__ import annotations

import copy
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pyrnn
from pyrnn.populations import Distances
from pyrnn.result import Result
from tests.fuzz.values import Given

# built by analyses, or abstract: nobody calls them
NOT_CALLED = {
    "ChanceLevels",
    "Activation",
    "ChoiceTask",
    "Connectivity",
    "Constraint",
    "Duration",
    "Engine",
    "Map",
    "MultiRegion",
    "NeurogymTask",
    "OpenGL",
    "Output",
    "RNNBase",
    "Report",
    "Reported",
    "Rollout",
    "Task",
    "Trainable",
    "Training",
    "TransitionGraph",
    "check_rnn",
    "cli",
    "open_population",
    "read_recording",
    "live_plot",
    "log_tensorboard",
    "load",
    "probe_opengl",
}
ROOMS = [
    "",
    ".activations",
    ".behavior",
    ".connectivity",
    ".constraints",
    ".dynamics",
    ".initialization",
    ".interventions",
    ".plot",
    ".populations",
    ".projection",
    ".recordings",
    ".render",
    ".representation",
    ".tasks",
    ".tasks.phases",
    ".tasks.scores",
    ".training",
]


def _make(seed: int) -> tuple[pyrnn.RNNBase, pyrnn.tasks.Task]:
    return pyrnn.RNN(1, 3, 1, seed=seed), pyrnn.tasks.FlipFlop(n_bits=1, n_trials=2, seed=seed)


def callables() -> dict[str, Callable[..., object]]:
    """Return what users call, by name."""
    found: dict[str, Callable[..., object]] = {}
    for room in ROOMS:
        module = importlib.import_module(f"pyrnn{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            is_result = isinstance(thing, type) and issubclass(thing, Result)
            is_error = isinstance(thing, type) and issubclass(thing, Exception)
            if thing in pyrnn.activations.ACTIVATIONS.values():
                continue  # as torch's own functions
            if callable(thing) and name not in NOT_CALLED and not (is_result or is_error):
                found.setdefault(f"{room[1:] or 'pyrnn'}.{name}", thing)
    return found


def needed(given: Given, folder: Path) -> dict[str, object]:
    """Return right values of the arguments that have no default, by name."""
    states, points = given.states, given.points
    return {
        "input_size": 2,
        "hidden_size": 4,
        "output_size": 1,
        "network": given.rnn,
        "rnn": given.rnn,
        "layer": given.rnn.w_out,
        "states": states,
        "starts": states,
        "start": states[0, 0],
        "h": states[0],
        "points": points,
        "axes": torch.eye(4)[:2],
        "bounds": (-1.0, 1.0),
        "pulses": torch.eye(2),
        "jacobian": torch.eye(2) / 2,
        "jacobians": torch.eye(2) / 2,
        "epsilon": 0.1,
        "exponents": torch.tensor([0.1, -0.2]),
        "first": given.graph,
        "second": given.graph,
        "graph": given.graph,
        "n": 5,
        "n_steps": 2,
        "eigenvalues": torch.tensor([0.5, -0.2]),
        "field": given.field,
        "branches": given.branches,
        "ends": torch.tensor([0, 1, 1]),
        "history": given.history,
        "curves": pyrnn.behavior.psychometric(given.decision, given.answers, given.batch),
        "tau": torch.tensor([10.0, 20.0]),
        "trial": given.task[0],
        "trials": [given.task[0], given.task[1]],
        "weights": torch.eye(3),
        "weight": torch.eye(2),
        "radius": 0.5,
        "signs": torch.tensor([1, -1]),
        "values": torch.ones(3, 6),
        "mask": given.mask,
        "outputs": given.outputs,
        "targets": given.outputs.sign(),
        "task": given.task,
        "tasks": {"one": given.task.replace(dt=20.0)},
        "phases": given.phases,
        "dataset": given.task,
        "path": folder / "file",
        "duration": 50.0,
        "dt": 10.0,
        "draws": given.random,
        "sigma": 0.1,
        "durations": {"wait": 50.0},
        "seed": 0,
        "indices": [0, 1],
        "inputs": torch.zeros(5, 2),
        "name": "normal",
        "size": 3,
        "n_units": 3,
        "attribute": "w_rec",
        "batch": given.batch,
        "threshold": 0.5,
        "components": torch.eye(4)[:2],
        "mean": torch.zeros(4),
        "scenes": [pyrnn.render.Scene(states)],
        "function": torch.sin,
        "activation": "relu",
        "x": torch.zeros(2),
        "effects": given.effects,
        "distances": Distances(np.ones((2, 2)), 0.0, 1.0, "shape", ({}, {})),
        "checkpoints": [given.rnn, given.rnn],
        "networks": [given.rnn, given.rnn],
        "datasets": [given.task, given.task],
        "tracks": given.tracks,
        "folder": folder / "runs",
        "make": _make,
        "runs": [{"seed": 0}],
        "units": [0, 1],
        "value": 0.5,
        "current": 1.0,
        "variables": {"side": [-1, -1, 1, 1, 1, -1], "color": [1, -1, 1, -1, 1, -1]},
        "labels": [0, 0, 1, 1, 1, 0],
        "profiles": torch.rand(12, 3, generator=torch.Generator().manual_seed(0)),
        "rates": states.tanh() / 2,
        "spike_times": [np.array([3.0, 40.0])],
        "stop": 60.0,
        "a": states,
        "b": states.flip(-1),
    }


def special(given: Given) -> dict[str, dict[str, object]]:
    """Return right values that differ from those of the same name elsewhere."""
    decision, batch = given.decision, given.batch
    return {
        **{
            f"training.{name}": {"weight": 0.1}
            for name in ("L1", "L2", "ActivityL1", "ActivityL2", "Smoothness", "BoundsPenalty")
        },
        "training.BoundsPenalty": {"weight": 0.1, "attribute": "w_rec.weight", "low": -1.0},
        "training.early_stopping": {"patience": 2},
        "training.Curriculum": {"steps": [2], "pulse_probability": [0.1, 0.2]},
        "training.binary_cross_entropy": {"targets": (given.outputs > 0).double()},
        "training.cross_entropy": {"targets": torch.zeros(3, 6, dtype=torch.long)},
        "training.fit": {"epochs": 1, "progress": False},
        "tasks.scores.class_accuracy": {"targets": torch.zeros(3, 6, dtype=torch.long)},
        "tasks.scores.last_class_accuracy": {"targets": torch.zeros(3, 6, dtype=torch.long)},
        "tasks.scores.last_scored": {"values": torch.zeros(3, 6, 2)},
        "tasks.Trial": {"targets": torch.zeros(5, 1)},
        "constraints.Dale": {"signs": torch.tensor([1, 1, -1, -1])},
        "constraints.Bounds": {"low": -1.0, "high": 1.0},
        "constraints.Mask": {"mask": torch.ones(2, 4)},
        "constraints.SignedMask": {"signs": torch.ones(2, 4)},
        "constraints.Fixed": {"values": torch.ones(2, 4)},
        "connectivity.Region": {"name": "V1"},
        "dynamics.as_map": {},
        "dynamics.state_machine": {"network": given.bistable, "points": given.memories},
        "dynamics.input_jacobian": {"x": torch.zeros(2)},
        "dynamics.finite_time_lyapunov": {"window": 2},
        "dynamics.prove_along": {
            "network": pyrnn.LowRankRNN(2, 5, 1, rank=1, seed=0),
            "start": torch.zeros(2),
            "end": torch.ones(2),
            "max_boxes": 100,
        },
        "dynamics.slow_manifold": {},
        "interventions.clamp": {"trials": torch.zeros(2, 5, 2)},
        "interventions.lesion": {"trials": torch.zeros(2, 5, 2)},
        "interventions.perturb": {"trials": torch.zeros(2, 5, 2)},
        "interventions.minimal_shock": {
            "network": given.bistable,
            "attractor": given.memories[given.memories.n_unstable == 0][0],
            "saddle": given.memories[given.memories.n_unstable == 1][0],
        },
        "populations.align": {"reference": given.states.flip(-1)},
        "populations.analyze": {"inputs": torch.zeros(2, 5, 2)},
        "populations.choose_rank": {"states": [given.trials, given.trials], "n_components": 2},
        "populations.compare": {
            "networks": [given.rnn, given.leaky],
            "inputs": given.states[..., :2],
        },
        "populations.dsa_angle": {"a": given.trials, "b": given.trials.flip(-1), "n_starts": 2},
        "populations.dsa_distance": {"a": given.trials, "b": given.trials.flip(-1)},
        "populations.find_classes": {"networks": [given.analysis, given.analysis]},
        "recordings.region_currents": {
            "network": pyrnn.RateRNN(2, 4, 2, connectivity=given.regions),
            "rates": given.states,
            "inputs": torch.zeros(6, 5, 2),
            "connectivity": given.regions,
        },
        "representation.task_variance": {"task": "side"},
        "training.fit_many": {
            "networks": [copy.deepcopy(given.rnn)],
            "datasets": [given.task],
            "epochs": 1,
        },
        "training.train_force": {"rnn": pyrnn.RNN(2, 4, 2, seed=0)},
        "populations.spectra_distance": {"a": given.memories, "b": given.memories},
        "representation.cluster_units": {"n_clusters": [2], "n_seeds": 2},
        "representation.decode": {"n_folds": 2},
        "representation.selectivity": {"n_permutations": 9},
        "recordings.spike_rates": {"start": 0.0},
        "behavior.psychometric": {"task": decision, "outputs": given.answers, "batch": batch},
        "behavior.chronometric": {"task": decision, "outputs": given.answers, "batch": batch},
        "behavior.reaction_times": {"task": decision, "outputs": given.answers, "batch": batch},
        "behavior.fit_logistic": {
            "evidence": np.array([-1.0, 0.0, 1.0]),
            "is_positive": np.array([0.0, 1.0, 1.0]),
        },
        "plot.plot_history": {"name": "loss"},
        "initialization.initial_weight": {"name": "normal"},
        "render.Scene": {"states": given.states},
    }


def right_call(
    name: str, call: Callable[..., object], given: Given, folder: Path
) -> dict[str, Any]:
    """Return the arguments of a call that works."""
    known, own = needed(given, folder), special(given).get(name, {})
    arguments: dict[str, object] = dict(own)
    for parameter in parameters(call):
        if parameter.default is parameter.empty and parameter.name not in arguments:
            if parameter.name not in known:
                raise LookupError(f"{name} needs a right value of {parameter.name} in tests/fuzz")
            arguments[parameter.name] = known[parameter.name]
    return arguments


def parameters(call: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the arguments of a call, with those that ``**options`` hands to a base class."""
    own = list(inspect.signature(call).parameters.values())
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    found = {p.name: p for p in own if p.kind not in variable}
    if isinstance(call, type) and any(p.kind is p.VAR_KEYWORD for p in own):
        for base in call.__mro__[1:]:
            if "__init__" in vars(base):
                for p in list(inspect.signature(base.__init__).parameters.values())[1:]:
                    if p.kind not in variable:
                        found.setdefault(p.name, p)
    return list(found.values())


def modules() -> list[str]:
    """Return the names of all public modules of the package."""
    return [
        module.name
        for module in pkgutil.walk_packages(pyrnn.__path__, "pyrnn.")
        if not any(part.startswith("_") for part in module.name.split("."))
    ]
