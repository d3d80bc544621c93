"""Fixed points under several inputs: found again by input, grouped, and listed by input."""

from __future__ import annotations

import pytest
import torch

from pyrnn.dynamics import FixedPoints, find_fixed_points
from pyrnn.dynamics.points._known import Known, estimated_unseen

INPUTS = torch.tensor([[0.3], [0.0], [-0.3]])


@pytest.fixture(scope="module")
def points() -> FixedPoints:
    starts = torch.linspace(-2, 2, 41)[:, None]
    return find_fixed_points(lambda h, x: torch.tanh(2 * h + x), starts, INPUTS)


def test_points_of_one_input_are_those_of_a_search_under_it(points):
    starts = torch.linspace(-2, 2, 41)[:, None]
    for x in INPUTS:
        alone = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), starts, x)
        assert torch.allclose(points.at(x).states, alone.states, atol=1e-9)


def test_groups_are_all_points_in_order_of_their_inputs(points):
    groups = points.groups()
    assert [group.inputs.unique().tolist() for group in groups] == [[x] for x in
            sorted(INPUTS.double().flatten().tolist())]  # fmt: skip
    assert sum(map(len, groups)) == len(points)
    assert isinstance(groups[0], FixedPoints)


def test_an_input_without_points_is_refused_with_the_nearest(points):
    with pytest.raises(ValueError, match=r"one of 3 inputs that have points, got \[0\.2.*nearest"):
        points.at([0.2])
    with pytest.raises(ValueError, match=r"expected x of shape \(1,\), got \(2,\)"):
        points.at([0.2, 0.0])


def test_where_there_are_no_points_none_is_the_nearest() -> None:
    points = find_fixed_points(lambda h, x: h + 1 + x, torch.zeros(3, 1), [0.0], progress=False)
    with pytest.raises(ValueError, match=r"one of 0 inputs that have points.*there are none"):
        points.at([0.2])


def test_what_is_not_found_is_estimated_for_each_input_alone() -> None:
    known = Known.nothing(torch.zeros(1, 2), 2)
    known.owner = torch.tensor([0, 0, 1, 1, 1])
    known.hits = torch.tensor([9, 7, 1, 1, 1])
    known.sign = torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0])
    assert known.unseen(0) == estimated_unseen(known.hits[:2]) == 0
    assert known.unseen(1) == estimated_unseen(known.hits[2:]) > 0
    assert [known.is_balanced(k) for k in range(2)] == [False, True]
    assert [known.n_points(k) for k in range(2)] == [2, 3]


def test_summary_has_a_row_for_each_input(points):
    lines = points.summary().splitlines()
    assert lines[0] == "9 fixed points under 3 inputs"
    rows = [line.split() for line in lines if line.strip().startswith(("-0.3", "0 ", "0.3"))]
    assert [row[:2] for row in rows] == [["-0.3", "3"], ["0", "3"], ["0.3", "3"]]
    assert "2 stable, 1 1-unstable" in lines[3]


def test_a_table_of_many_inputs_ends_with_how_many_more(points):
    many = find_fixed_points(
        lambda h, x: h / 2 + x, torch.zeros(1, 1), torch.linspace(0, 1, 50)[:, None]
    )
    assert "20 more inputs  20" in many.summary()


def test_data_frame_has_the_inputs(points):
    pytest.importorskip("pandas")
    frame = points.to_pandas()
    assert sorted(frame["x0"].round(3).unique()) == [-0.3, 0.0, 0.3]
