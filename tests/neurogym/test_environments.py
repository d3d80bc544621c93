"""Real environments through the adapter; run by tests/neurogym/run.sh."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import TensorDataset

pytest.importorskip("neurogym", reason="run tests/neurogym/run.sh")
pytestmark = pytest.mark.filterwarnings("ignore")  # Gymnasium warns about NeuroGym's spaces

from neurogym.envs.registration import all_envs  # noqa: E402

from pyrnn import RateRNN  # noqa: E402
from pyrnn.tasks import NeurogymTask, check_task  # noqa: E402

ENVIRONMENTS = [
    "PerceptualDecisionMaking-v0",
    "DelayMatchSample-v0",
    "ContextDecisionMaking-v0",
    "yang19.go-v0",
    "yang19.dm1-v0",
]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environments_make_good_tasks(name):
    check_task(NeurogymTask(name, seed=3))


def test_a_trial_is_the_one_that_neurogym_makes():
    import neurogym

    task = NeurogymTask("PerceptualDecisionMaking-v0", seed=1)
    rng = torch.Generator().manual_seed(7)
    inputs, targets, _ = trial = task.trial(rng)
    env = neurogym.make("PerceptualDecisionMaking-v0").unwrapped
    env.seed(int(torch.randint(2**32 - 1, (), generator=torch.Generator().manual_seed(7))))
    env.new_trial()
    assert torch.equal(inputs, torch.tensor(env.ob))
    assert torch.equal(targets, torch.tensor(env.gt))
    assert trial.info["coh"] == env.trial["coh"]
    assert trial.epochs["stimulus"] == (100.0, 2100.0)


@pytest.mark.parametrize("dt", [10, 20, 33, 70])
@pytest.mark.parametrize("name", sorted(all_envs()))
def test_every_environment_is_right_or_refused_when_made(name, dt):
    try:
        task = NeurogymTask(name, dt=dt, n_trials=4)
    except (TypeError, ValueError) as error:
        assert str(error).startswith("expected")  # noqa: PT017
        return
    for trial in (task[i] for i in range(4)):
        ends = [end for _, end in trial.epochs.values()]
        assert max(ends) == len(trial.inputs) * task.dt
    rnn = RateRNN(task.input_size, 4, task.output_size)
    assert rnn.fit(task, epochs=1, progress=False).n_epochs == 1


@pytest.mark.parametrize("name", ["ReadySetGo-v0", "MotorTiming-v0"])
def test_the_period_that_is_scored_is_an_epoch(name):
    assert "production" in NeurogymTask(name, dt=10)[0].epochs


def test_a_period_without_a_step_is_refused():
    """The cues of 10 ms would leave all inputs zero."""
    assert NeurogymTask("PulseDecisionMaking-v0", dt=10).n_steps > 0
    with pytest.raises(ValueError, match="short enough for the 10 ms of the period 'cue0'"):
        NeurogymTask("PulseDecisionMaking-v0", dt=20)


def test_a_truth_that_is_no_action_is_refused():
    with pytest.raises(ValueError, match="a ground truth among the 3 actions of Reaching1D"):
        NeurogymTask("Reaching1D-v0")


def test_options_that_an_environment_does_not_take_are_refused():
    with pytest.raises(ValueError, match="that the environment 'GoNogo-v0' takes"):
        NeurogymTask("GoNogo-v0", options={"shade": 1})


def test_an_environment_without_ground_truth_is_refused():
    with pytest.raises(TypeError, match="with a ground truth to learn, got Bandit"):
        NeurogymTask("Bandit-v0")


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="name of a NeuroGym environment, got 'Nonsense-v0'"):
        NeurogymTask("Nonsense-v0")


def test_dt_is_handed_to_the_environment():
    coarse = NeurogymTask("PerceptualDecisionMaking-v0")
    fine = coarse.replace(dt=20)
    assert (coarse.dt, coarse.n_steps) == (100, 22)
    assert (fine.dt, fine.n_steps) == (20, 110)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("PerceptualDecisionMaking-v0", {"cohs": [12.8, 25.6, 51.2]}),
        ("DelayMatchSample-v0", {"sigma": 0.1}),
        ("ContextDecisionMaking-v0", {"sigma": 0.1}),
        ("yang19.go-v0", {}),
    ],
)
def test_environments_train(name, options):
    task = NeurogymTask(name, options=options, decision_weight=20.0, n_trials=640)
    recorded = TensorDataset(*task.batch(640))  # each epoch anew would take NeuroGym minutes
    rnn = RateRNN(task.input_size, 100, task.output_size, tau=100.0, dt=20.0, seed=0)
    options = {"lr": 5e-3, "scheduler": "cosine", "loss": task.loss, "progress": False}
    rnn.fit(recorded, epochs=25, seed=0, **options)
    inputs, targets, mask = task.replace(seed=99).batch(200)
    assert task.accuracy(rnn.predict(inputs).outputs, targets, mask) >= 0.9


def test_fit_takes_an_environment_as_it_is():
    task = NeurogymTask("PerceptualDecisionMaking-v0", n_trials=64, decision_weight=5.0)
    rnn = RateRNN(task.input_size, 32, task.output_size, tau=100.0, dt=20.0, seed=0)
    history = rnn.fit(task, epochs=4, progress=False, seed=0)
    assert history.loss[-1] < history.loss[0]
