from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import MultiTask, Task, Trial, check_task


def task_of(make, **attributes):
    """Build a task from a function ``make(rng) -> Trial``."""
    cls = type("Mine", (Task,), {"trial": lambda self, rng: make(rng), **attributes})
    return cls()


def noise(rng, n_channels=2):
    return torch.randn(6, n_channels, generator=rng)


def classes(value):
    return lambda rng: Trial(noise(rng), torch.full((6,), value))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (task_of(lambda rng: Trial(noise(rng) / 0, noise(rng))), "expected finite inputs"),
        (task_of(lambda rng: Trial(noise(rng), noise(rng) / 0)), "expected finite targets"),
        (
            task_of(lambda rng: Trial(noise(rng), noise(rng), -torch.ones(6))),
            "weights >= 0 from Mine",
        ),
        (
            task_of(lambda rng: Trial(noise(rng), noise(rng), torch.zeros(6))),
            "scores a step in each trial",
        ),
        (task_of(lambda rng: Trial(noise(rng), noise(rng)), input_size=3), "input_size = 3"),
        (task_of(lambda rng: Trial(noise(rng), noise(rng)), output_size=3), "output_size = 3"),
        (task_of(classes(4), output_size=3, loss="cross_entropy"), "classes from 0 to 2"),
        (task_of(lambda rng: Trial(torch.randn(6, 2), noise(rng))), "same each time"),
        (task_of(lambda rng: Trial(torch.ones(6, 2), torch.ones(6, 1))), "got the same inputs"),
        (
            task_of(lambda rng: Trial(noise(rng), noise(rng)), accuracy=lambda *_: 0.5),
            "to be 1 for perfect outputs, got 0.5",
        ),
    ],
)
def test_broken_promises_are_named(task, message):
    with pytest.raises(ValueError, match=message):
        check_task(task)


def test_a_task_that_ignores_its_seed_is_found():
    class Recorded(Task):
        def batch(self, trials, *, start=0):
            indices = range(trials) if isinstance(trials, int) else trials
            inputs = torch.tensor(indices)[:, None, None] * torch.ones(6, 1)
            return Trial(inputs, inputs)

    with pytest.raises(ValueError, match="another seed to give other trials"):
        check_task(Recorded())


def test_only_tasks_are_checked():
    with pytest.raises(TypeError, match="expected a Task, got list"):
        check_task([1, 2])


def bits(rng):
    return Trial(noise(rng), (noise(rng) > 0).float())


def test_bits_are_right_if_their_logits_have_the_right_sign():
    """Targets of 0 were taken as perfect logits, and the accuracy was not 1."""
    task = task_of(bits, loss="binary_cross_entropy")
    levels = check_task(task)
    for strategy in ("silent", "constant"):
        assert levels.accuracies[strategy] == pytest.approx(0.5, abs=0.03)
    mixed = MultiTask({"bits": task.replace(dt=20.0)})
    levels = check_task(mixed)
    assert levels.accuracies["silent"] == 0.25  # two bits
    _, targets, mask = mixed.batch(20)
    assert mixed.accuracy(0.1 * (targets - 0.5), targets, mask) == 1


def test_good_tasks_pass():
    check_task(task_of(lambda rng: Trial(noise(rng), noise(rng, 1))))
    check_task(task_of(classes(1), output_size=3, loss="cross_entropy"))
