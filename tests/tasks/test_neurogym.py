"""The adapter on a stand-in for NeuroGym, which tests/neurogym/ has in earnest."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pyrnn.tasks import NeurogymTask, check_task


class Env:
    """Speak just enough of NeuroGym's protocol."""

    timing = {"stimulus": 200, "decision": 100}  # noqa: RUF012

    def __init__(self, dt=20, is_discrete=True):
        self.dt, self.unwrapped = dt, self
        self.observation_space = SimpleNamespace(shape=(2,))
        space = {"n": 3, "shape": ()} if is_discrete else {"shape": (2,)}
        self.action_space = SimpleNamespace(**space)
        self.start_ind, self.end_ind, self.trial = {}, {}, None

    def seed(self, seed):
        self.rng = np.random.RandomState(seed)

    def new_trial(self):
        n, side = self.rng.randint(5, 9), self.rng.randint(1, 3)
        self.start_ind = {"stimulus": 0, "decision": n}
        self.end_ind = {"stimulus": n, "decision": n + 4}
        self.ob = self.rng.randn(n + 4, 2).astype(np.float32)
        self.gt = np.zeros(n + 4, dtype=np.int64)
        self.gt[n:] = side
        if not hasattr(self.action_space, "n"):
            self.gt = np.stack([self.gt, -self.gt], axis=-1).astype(np.float32)
        self.trial = {"side": side, "history": np.zeros(3)}


class Wrapper:
    def __init__(self, env):
        self.env, self.unwrapped = env, env.unwrapped
        self.action_space = env.action_space


def test_trials_are_whole_and_seeded():
    task = NeurogymTask(Env(), decision_weight=5.0, seed=3)
    check_task(task)
    inputs, targets, mask = trial = task[2]
    n = len(inputs) - 4
    assert targets.tolist() == [0] * n + [int(trial.info["side"])] * 4
    assert mask.tolist() == [1.0] * n + [5.0] * 4
    assert trial.epochs["decision"].tolist() == [n * 20.0, n * 20.0 + 80]
    assert set(trial.info) == {"side"}
    assert (task.loss, task.input_size, task.output_size, task.dt) == ("cross_entropy", 2, 3, 20)


def test_trials_outlive_the_next_one():
    task = NeurogymTask(Env())
    first = task[0].inputs.clone()
    kept = task[0].inputs
    _ = task[1]
    assert torch.equal(first, kept)


def test_wrapped_environments_are_unwrapped_to_what_makes_trials():
    assert torch.equal(NeurogymTask(Wrapper(Env()))[0].inputs, NeurogymTask(Env())[0].inputs)


def test_continuous_actions_are_regressed():
    task = NeurogymTask(Env(is_discrete=False))
    check_task(task)
    _, targets, mask = task.batch(10)
    assert (task.loss, task.output_size) == ("mse", 2)
    assert task.accuracy(torch.zeros_like(targets), targets, mask) < 0.1


def test_accuracy_is_read_at_the_last_step():
    task = NeurogymTask(Env())
    _, targets, mask = task.batch(20)
    outputs = torch.nn.functional.one_hot(targets, 3).double()
    outputs[:, :4] = torch.randn(20, 4, 3)
    assert task.accuracy(outputs, targets, mask) == 1
    assert task.accuracy(outputs.roll(1, -1), targets, mask) == 0


def test_what_makes_no_trials_is_refused():
    with pytest.raises(TypeError, match="environment that makes trials, got SimpleNamespace"):
        NeurogymTask(SimpleNamespace())

    class Bandit(Env):
        def new_trial(self):
            self.ob = np.zeros((3, 2))

    with pytest.raises(TypeError, match="with a ground truth to learn, got Bandit"):
        NeurogymTask(Bandit()).batch(1)
    with pytest.raises(ValueError, match=r"dt = 20\.0 ms as the environment has it, got 10"):
        NeurogymTask(Env(), dt=10)
    with pytest.raises(ValueError, match="dt to be a number >= 0"):
        NeurogymTask(Env(), dt=-20)
    with pytest.raises(ValueError, match="options with the name of an environment, got them with"):
        NeurogymTask(Env(), options={"dt": 20})
    with pytest.raises(ValueError, match="decision_weight to be a number > 0"):
        NeurogymTask(Env(), decision_weight=float("nan"))


def test_without_neurogym_the_name_of_an_environment_cannot_be_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "neurogym", None)
    with pytest.raises(ModuleNotFoundError, match="pip install neurogym"):
        NeurogymTask("PerceptualDecisionMaking-v0")


def test_names_and_options_are_handed_to_neurogym(monkeypatch):
    class GymError(Exception):
        pass

    def make(name, **options):
        if name == "Nonsense":
            raise GymError("no such thing")
        return Env(**options)

    monkeypatch.setitem(sys.modules, "neurogym", SimpleNamespace(make=make))
    error = SimpleNamespace(error=SimpleNamespace(Error=GymError))
    monkeypatch.setitem(sys.modules, "gymnasium", error)
    task = NeurogymTask("Named", dt=50, options={"is_discrete": False})
    assert (task.dt, task.loss) == (50, "mse")
    assert task.replace(dt=25).dt == 25
    with pytest.raises(ValueError, match="name of a NeuroGym environment, got 'Nonsense'"):
        NeurogymTask("Nonsense")
