from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from pyrnn.behavior import PsychometricCurve
from pyrnn.plot import STYLE_SHEET, plot_psychometric, plot_trial
from pyrnn.tasks import DelayedResponse, FlipFlop, PerceptualDecision, Trial


def trial(n_steps=40):
    mask = torch.ones(n_steps)
    mask[:10] = 0
    epochs = {"delay": torch.tensor([100.0, 300.0])}
    return Trial(torch.randn(n_steps, 2), torch.randn(n_steps, 3), mask, epochs=epochs)


def row_names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_every_channel_has_a_row_inputs_above():
    ax = plot_trial(trial(), torch.randn(40, 3))
    assert row_names(ax) == ["in 1", "in 2", "out 1", "out 2", "out 3"]
    heights = ax.get_yticks()
    assert (np.diff(heights) < 0).all()
    assert ax.get_legend_handles_labels()[1] == ["target", "output"]


def test_a_line_parts_inputs_from_outputs():
    ax = plot_trial(trial())
    across = [line.get_ydata() for line in ax.get_lines() if len(line.get_ydata()) == 2]
    heights = ax.get_yticks()
    assert [heights[1] > y[0] == y[1] > heights[2] for y in across] == [True]


def test_outputs_are_drawn_on_the_scale_of_their_targets():
    sample = trial()
    ax = plot_trial(sample, sample.targets)
    targets = [line for line in ax.get_lines() if line.get_linewidth() > 3]
    outputs = [line for line in ax.get_lines() if line.get_linewidth() == 1.4]
    for target, output in zip(targets, outputs, strict=True):
        np.testing.assert_allclose(target.get_ydata(), output.get_ydata())


def test_steps_that_are_not_scored_are_shaded():
    ax = plot_trial(trial())
    (shade,) = ax.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (-0.5, 9.5)


def test_a_mask_may_be_missing_or_weigh_each_output():
    inputs, targets = torch.randn(40, 2), torch.randn(40, 3)
    assert not plot_trial((inputs, targets, None)).patches
    mask = torch.ones(40, 3)
    mask[:20, 0], mask[:10, 1:] = 0, 0
    (shade,) = plot_trial((inputs, targets, mask)).patches
    assert shade.get_width() == 10


def test_time_is_in_ms_where_the_step_is_known():
    ax = plot_trial(trial(), dt=10.0)
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_lines()[0].get_xdata()[-1] == 390
    assert "delay" in [text.get_text() for text in ax.texts]


def test_first_trial_of_a_batch_is_drawn():
    inputs, targets = torch.randn(5, 40, 2), torch.randn(5, 40, 1)
    epochs = {"go": torch.zeros(5, 2)}
    batch = Trial(inputs, targets, epochs=epochs)
    line = plot_trial(batch, torch.randn(5, 40, 1), dt=10.0).get_lines()[0]
    first = inputs[0, :, 0].numpy()
    assert np.corrcoef(line.get_ydata(), first)[0, 1] > 0.999


def test_classes_are_drawn_as_probabilities():
    classes = torch.tensor([0, 0, 1, 2])
    ax = plot_trial((torch.zeros(4, 1), classes), torch.zeros(4, 3))
    assert row_names(ax) == ["in 1", "out 1", "out 2", "out 3"]


def test_large_scores_of_classes_are_probabilities():
    batch = torch.zeros(2, 1), torch.tensor([0, 1])
    ax = plot_trial(batch, torch.tensor([[1e4, 0.0, 0.0], [1e4, 1e4, -1e4]]))
    assert all(np.isfinite(np.asarray(line.get_ydata(), float)).all() for line in ax.get_lines())


def test_psychometric_curve_shows_shares_bars_and_fit():
    evidence = torch.tensor([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0])
    curve = PsychometricCurve.fit(evidence, torch.tensor([0, 0, 0, 1, 1, 1]))
    ax = plot_psychometric(curve, label="coherence")
    points = next(line for line in ax.get_lines() if line.get_marker() == "o")
    assert points.get_ydata().tolist() == [0, 0.5, 1]
    bars = [bar.tolist() for bar in ax.collections[0].get_segments()]
    ends = zip(curve.evidence, curve.low, curve.high, strict=True)
    np.testing.assert_allclose(bars, [[(x, low), (x, high)] for x, low, high in ends])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("coherence", "P(positive choice)")
    assert ax.get_legend() is None


def test_several_psychometric_curves_are_named():
    curve = PsychometricCurve.fit([-1.0, -1.0, 1.0, 1.0], [0, 1, 1, 1])
    ax = plot_psychometric({"before": curve, "after": curve})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["before", "after"]


def curve(ax, row=0):
    return ax.get_lines()[row].get_ydata()


def test_task_stands_for_its_first_trial():
    task = FlipFlop(n_bits=2, duration=200.0)
    ax = plot_trial(task)
    assert ax.get_xlabel() == "time (ms)"
    np.testing.assert_allclose(curve(ax), curve(plot_trial(task[0])))


@pytest.mark.parametrize("task", [FlipFlop(), PerceptualDecision(), DelayedResponse()])
def test_a_task_names_its_channels(task):
    ax = plot_trial(task, index=2)
    assert row_names(ax) == [*task.input_names, *task.output_names]
    assert ax.get_title(loc="left") == f"{type(task).__name__}, trial 2"


def test_any_trial_of_a_task_or_a_batch_is_drawn():
    task = FlipFlop(n_bits=2, duration=200.0)
    batch = task.batch(5)
    for row in (0, 4):  # an input, an output
        expected = curve(plot_trial(task[3], batch.targets[3]), row)
        for given in (task, batch):
            for outputs in (batch.targets, batch.targets[3], batch.targets[3:4]):
                np.testing.assert_allclose(
                    curve(plot_trial(given, outputs, index=3), row), expected
                )
    for wrong in (5, -1):
        with pytest.raises(ValueError, match=r"expected (an )?index"):
            plot_trial(batch, index=wrong)
    with pytest.raises(ValueError, match="index below 1, the number of trials, got 1"):
        plot_trial(task[0], index=1)


@pytest.mark.parametrize(
    ("plot", "given", "error", "message"),
    [
        (plot_trial, [torch.zeros(5)], TypeError, "got list; pass a task"),
        (plot_trial, (torch.zeros(5), torch.zeros(5)), ValueError, r"got \(5,\)"),
        (plot_trial, (torch.zeros(5, 1), torch.zeros(4, 1)), ValueError, "targets of 5 steps"),
        (plot_psychometric, [0.1, 0.9], TypeError, "got list; PsychometricCurve.fit"),
    ],
)
def test_what_is_no_trial_or_curve_is_refused(plot, given, error, message):
    with pytest.raises(error, match=message):
        plot(given)


def test_outputs_of_another_trial_are_refused():
    with pytest.raises(ValueError, match="outputs of 40 steps, as the inputs have, got 30"):
        plot_trial(trial(), torch.zeros(30, 3))
    with pytest.raises(ValueError, match=r"outputs \(time, output_size\), got shape \(\)"):
        plot_trial(trial(), torch.tensor(0.5))


def test_names_of_epochs_keep_apart_and_inside():
    spans = {"fixation": (0.0, 30.0), "cue": (30.0, 60.0), "delay": (60.0, 380.0)}
    epochs = {name: torch.tensor(span) for name, span in spans.items()}
    epochs["go"] = torch.tensor([380.0, 400.0])
    sample = Trial(torch.randn(40, 2), torch.randn(40, 1), torch.ones(40), epochs=epochs)
    with plt.style.context(STYLE_SHEET):
        _, ax = plt.subplots(figsize=(3.4, 2.5))
    plot_trial(sample, dt=10.0, ax=ax)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    frame = ax.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert all(box.y0 > ax.transData.transform((0, 0.12))[1] - 1 for box in boxes)
