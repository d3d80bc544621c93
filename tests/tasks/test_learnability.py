from __future__ import annotations

import pytest
import torch

from benchmarks.learnability import ROWS, main, train


@pytest.mark.slow
def test_the_benchmark_trains_and_writes_its_table(tmp_path):
    torch.set_default_dtype(torch.float32)
    path = tmp_path / "table.md"
    reached = main(["CountOnes"], seeds=1, write=path, steps=25, networks=tmp_path / "networks")
    assert not reached  # 25 steps are too few
    rows = [line for line in path.read_text().splitlines() if line.startswith("| CountOnes")]
    learned, made = rows
    assert "≥ 99" in learned
    assert "– of 25" in learned
    assert made.count(" ms, ") == 2
    assert (tmp_path / "networks" / "CountOnes.pt").exists()


@pytest.mark.slow
def test_the_default_recipe_learns_white_noise_in_fifty_steps():
    """The quickest row of the table stands for all; its goal is an R² of 0.99."""
    torch.set_default_dtype(torch.float32)
    (row,) = (row for row in ROWS if row.name == "WhiteNoiseIntegrator")
    _, run = train(row, seed=0, steps=50)
    assert run.metric > 0.9


def test_every_task_has_a_goal_that_its_metric_can_reach():
    for row in ROWS:
        _, targets, mask = row.task.batch(50)
        outputs = targets
        if targets.ndim == 2:
            outputs = torch.nn.functional.one_hot(targets, row.task.output_size).double()
        assert row.is_reached(row.scale * row.task.metric(outputs, targets, mask))
