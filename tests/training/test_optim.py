"""Optimizers and schedulers by name, by class, by function."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.testing import assert_close

from pyrnn import RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import _optim
from pyrnn.training._optim import OPTIMIZERS, Adam, make_optimizer, make_scheduler


@pytest.fixture
def parameters() -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(2))]


def rates(scheduler: object, n_steps: int | None, parameters: list[nn.Parameter]) -> list[float]:
    optimizer = make_optimizer("sgd", parameters, 1.0)
    made = make_scheduler(scheduler, optimizer, n_steps)
    found = []
    for _ in range(10):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return found


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_the_flip_flop(name: str) -> None:
    rnn = RNN(1, 16, 1, seed=0)
    lr = {"sgd": 1.0, "lbfgs": 0.5}.get(name, 0.01)
    batch_size = None if name in ("rprop", "lbfgs") else 32
    history = rnn.fit(
        FlipFlop(n_bits=1, n_trials=64, online=False, duration=300.0),
        epochs=8,
        optimizer=name,
        lr=lr,
        batch_size=batch_size,
        seed=0,
        progress=False,
        clip_norm=None if name == "lbfgs" else 0.1,
    )
    assert history.epochs["loss"][-1] < 0.8 * history.epochs["loss"][0]


def test_optimizer_by_class_and_by_function(parameters: list[nn.Parameter]) -> None:
    assert isinstance(make_optimizer("AdamW", parameters, 0.1), torch.optim.AdamW)
    assert isinstance(make_optimizer(torch.optim.Adamax, parameters, 0.1), torch.optim.Adamax)
    adam = make_optimizer(partial(torch.optim.Adam, eps=0.1), parameters, 0.1)
    assert adam.defaults["eps"] == 0.1


@pytest.mark.parametrize(
    ("optimizer", "lr", "error", "message"),
    [
        ("adma", 0.1, ValueError, "optimizer among adam, adamw.*got 'adma'"),
        ("adam", 0.0, ValueError, "lr to be a number > 0, got 0.0"),
        ("adam", float("nan"), ValueError, "lr to be a number > 0, got nan"),
        (3, 0.1, TypeError, r"optimizer's name, or a class or function.*got int"),
        (torch.optim.SGD([nn.Parameter(torch.zeros(1))]), 0.1, TypeError, "pass the class itself"),
    ],
)
def test_refused_optimizers(
    optimizer: object, lr: float, error: type, message: str, parameters: list[nn.Parameter]
) -> None:
    with pytest.raises(error, match=message):
        make_optimizer(optimizer, parameters, lr)  # type: ignore[arg-type]


def test_nothing_to_learn() -> None:
    rnn = RNN(1, 4, 1, frozen=["w_in", "w_rec", "w_out"])
    with pytest.raises(ValueError, match="something to learn, got all layers frozen"):
        rnn.fit(FlipFlop(n_bits=1), progress=False)


def test_schedules(parameters: list[nn.Parameter]) -> None:
    assert rates("cosine", 10, parameters)[5] == pytest.approx(0.5)
    assert rates("linear", 10, parameters)[2] == pytest.approx(0.8)
    assert rates("exponential", 10, parameters)[5] == pytest.approx(0.1)
    milestones = partial(lr_scheduler.MultiStepLR, milestones=[3, 6])
    assert rates(milestones, 10, parameters)[4:8] == pytest.approx([0.1, 0.1, 0.01, 0.01])
    assert make_scheduler(None, make_optimizer("sgd", parameters, 1.0), 10) is None


@pytest.mark.parametrize(
    ("scheduler", "n_steps", "error", "message"),
    [
        ("cosin", 10, ValueError, "scheduler among cosine, exponential.*got 'cosin'"),
        ("cosine", None, ValueError, "a dataset with a length for scheduler='cosine'"),
        (0.9, 10, TypeError, "scheduler's name or a function of the optimizer, got 0.9"),
    ],
)
def test_refused_schedulers(
    scheduler: object, n_steps: int, error: type, message: str, parameters: list[nn.Parameter]
) -> None:
    with pytest.raises(error, match=message):
        make_scheduler(scheduler, make_optimizer("sgd", parameters, 1.0), n_steps)  # type: ignore[arg-type]


def test_a_scheduler_is_stepped_with_the_optimizer() -> None:
    history = RNN(1, 4, 1).fit(
        FlipFlop(n_bits=1, n_trials=40), batch_size=10, epochs=2, scheduler="linear", lr=0.08,
        progress=False,
    )  # fmt: skip
    assert history.learning_rate == pytest.approx([0.08 - 0.01 * k for k in range(8)])


def test_plateau_follows_the_validation_loss() -> None:
    # with this threshold nothing counts as better
    plateau = partial(lr_scheduler.ReduceLROnPlateau, patience=1, threshold=10.0)
    history = RNN(1, 4, 1).fit(
        FlipFlop(n_bits=1, n_trials=20),
        epochs=6,
        batch_size=None,
        scheduler=plateau,
        validation=0.2,
        progress=False,
        lr=0.01,
    )
    assert history.learning_rate == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001])


@pytest.mark.parametrize("missing", [None, "_fused_adam_", "hooked"])
def test_adam_is_torch_s_whichever_parameters_have_a_gradient(
    missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a version of torch lacks the private names that make it fast."""
    if missing == "_fused_adam_":
        monkeypatch.setattr(_optim, "_fused_update", None)
    elif missing == "hooked":
        monkeypatch.setattr(Adam, "step", lambda self, closure=None, step=Adam.step: step(self))
    ours, theirs = ([nn.Parameter(torch.ones(3)) for _ in range(2)] for _ in range(2))
    pairs = (
        (ours, make_optimizer("adam", ours, lr=0.1)),
        (theirs, torch.optim.Adam(theirs, lr=0.1)),
    )
    for learning in ([0], [0], [0, 1], [1], [0, 1]):
        for parameters, optimizer in pairs:
            optimizer.zero_grad()
            sum(parameters[i].square().sum() for i in learning).backward()
            optimizer.step()
    for mine, reference in zip(ours, theirs, strict=True):
        assert_close(mine, reference)
