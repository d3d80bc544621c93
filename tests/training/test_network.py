"""What ``fit`` makes of a module that is no network of pyrnn."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN
from pyrnn.tasks import FlipFlop, PerceptualDecision
from pyrnn.training import L2, ActivityL2, Training, evaluate, fit, save_best
from pyrnn.training.network import Trainable, as_trainable, in_mode

TASK = FlipFlop(n_bits=2, n_trials=64, duration=200.0, seed=0)
QUIET = {"progress": False, "seed": 0}


class Plain(nn.Module):
    """A GRU with a linear readout, as anyone writes it."""

    def __init__(self, n_in: int = 2, n_out: int = 2, *, states: bool = False) -> None:
        super().__init__()
        self.gru = nn.GRU(n_in, 16, batch_first=True)
        self.readout = nn.Linear(16, n_out)
        self.returns_states = states

    def forward(self, inputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        states, _ = self.gru(inputs)
        outputs = self.readout(states)
        return (outputs, states) if self.returns_states else outputs


@pytest.mark.parametrize("states", [False, True])
def test_a_plain_module_learns_the_flip_flop(states: bool) -> None:
    module = Plain(states=states)
    history = fit(module, TASK, epochs=20, validation=TASK.replace(seed=1), **QUIET)
    assert history.epochs["loss"][-1] < 0.5 * history.epochs["loss"][0]
    assert history.epochs["accuracy"][-1] > history.epochs["accuracy"][0]
    assert history.n_parameters == sum(p.numel() for p in module.parameters())
    found = evaluate(module, TASK.replace(seed=1))
    assert found["loss"] == pytest.approx(history.epochs["validation_loss"][-1], rel=0.2)
    assert set(vars(module)) == set(vars(Plain()))  # nothing is left on the module


def test_steps_are_those_of_a_plain_loop() -> None:
    """Against torch's own optimizer and clipping, written out."""
    ours = Plain()
    theirs = copy.deepcopy(ours)
    inputs, targets, mask = TASK.batch(8)
    data = torch.utils.data.TensorDataset(inputs, targets, mask)
    fit(ours, data, epochs=5, batch_size=None, lr=0.01, clip_norm=0.05, **QUIET)
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        weights = mask[..., None].expand_as(targets)
        ((theirs(inputs) - targets).square() * weights / weights.sum()).sum().backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.05)
        optimizer.step()
    assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()))


def test_the_task_names_the_loss() -> None:
    task = PerceptualDecision(n_trials=64, seed=0)
    module = Plain(task.input_size, task.output_size)
    history = fit(module, task, epochs=8, **QUIET)
    assert history.epochs["loss"][-1] < history.epochs["loss"][0]
    assert evaluate(module, task)["loss"] < 1.1


def test_parameters_stay_in_their_memory() -> None:
    """A module may hold views of them, as torch's own recurrent modules do on a GPU."""
    module = Plain()
    places = [p.data_ptr() for p in module.parameters()]
    fit(module, TASK, epochs=1, **QUIET)
    assert [p.data_ptr() for p in module.parameters()] == places
    assert all(p.grad is None for p in module.parameters())


def test_modules_of_torch_themselves() -> None:
    history = fit(nn.GRU(2, 2, batch_first=True), TASK, epochs=2, **QUIET)
    assert history.n_epochs == 2
    history = fit(nn.Sequential(nn.Linear(2, 2)), TASK, epochs=2, **QUIET)
    assert history.n_epochs == 2
    with pytest.raises(ValueError, match="GRU with batch_first=False; build it with batch_first"):
        fit(nn.GRU(2, 2), TASK, **QUIET)


def test_penalties_and_callbacks_see_the_module() -> None:
    module, seen = Plain(states=True), []

    def note(training: Training) -> None:
        seen.append(training.rnn)

    penalties = [L2(1e-3, layers=["readout"]), ActivityL2(0.1)]
    history = fit(module, TASK, epochs=2, penalties=penalties, callbacks=note, **QUIET)
    assert seen == [module, module]
    assert all(value > 0 for name in ("l2", "activity_l2") for value in history.steps[name])


def test_a_penalty_on_states_that_are_not_returned() -> None:
    with pytest.raises(TypeError, match=r"forward of Plain to return \(outputs, states\)"):
        fit(Plain(), TASK, penalties=ActivityL2(0.1), **QUIET)


def test_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    message = r"network of pyrnn for a file of it, got Plain; write module.state_dict\(\)"
    path = tmp_path / "plain.pt"
    for options in ({"checkpoint": path}, {"callbacks": save_best(path)}):
        with pytest.raises(TypeError, match=message):
            fit(Plain(), TASK, epochs=1, **QUIET, **options)
    CTRNN(2, 4, 2).save(path)
    with pytest.raises(TypeError, match=message):
        fit(Plain(), TASK, epochs=1, checkpoint=path, resume=True, **QUIET)
    with pytest.raises(ValueError, match="has not been trained before"):
        fit(Plain(), TASK, epochs=1, resume=True, **QUIET)


class Returns(nn.Module):
    """A module that returns whatever it was given."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.result = result

    def forward(self, inputs: Tensor) -> object:
        return self.result


@pytest.mark.parametrize(
    "result", [None, {"outputs": torch.zeros(8, 20, 2)}, torch.zeros(8, 2), (1, 2, 3)]
)
def test_a_module_that_returns_no_outputs(result: object) -> None:
    with pytest.raises(TypeError, match=r"forward of Returns to return outputs, or \(outputs, st"):
        fit(Returns(result), TASK, batch_size=8, **QUIET)


@pytest.mark.parametrize("thing", [lambda x: x, "network", Plain])
def test_what_is_no_module(thing: object) -> None:
    with pytest.raises(TypeError, match=r"expected a network, an nn\.Module, got"):
        fit(thing, TASK, **QUIET)


@pytest.mark.parametrize("is_training", [False, True])
def test_modes_of_all_parts_are_restored(is_training: bool) -> None:
    """One part of a module may be kept in evaluation mode on purpose."""
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    module[1].eval()
    with in_mode(module, is_training):
        assert {part.training for part in module.modules()} == {is_training}
    assert [part.training for part in module.modules()] == [True, True, False]
    with pytest.raises(ZeroDivisionError), in_mode(module, is_training):
        1 / 0  # noqa: B018
    assert [part.training for part in module.modules()] == [True, True, False]
    fit(module, TASK, epochs=1, **QUIET)
    evaluate(module, TASK)
    assert [part.training for part in module.modules()] == [True, True, False]


class Affine(Trainable):
    """A network of its own kind: all that ``fit`` needs."""

    input_size = output_size = 2

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator()
        self.layer = nn.Linear(2, 2)

    def forward(self, inputs: Tensor) -> object:
        return as_trainable(self.layer)(inputs)


def test_a_trainable_network_is_trained_further() -> None:
    network = Affine()
    for _ in range(2):
        history = fit(network, TASK, epochs=2, **QUIET)
    assert network.history is history
    assert history.n_epochs == network.training_state["epoch"] == 4
