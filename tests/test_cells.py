"""The formulas of gated cells, against torch's own cells."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import linear
from torch.testing import assert_close

from pyrnn import cells


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_gru(shape: tuple[int, ...]) -> None:
    cell = nn.GRUCell(3, 5)
    h, x = torch.randn(*shape, 5), torch.randn(*shape, 3)
    found = cells.gru(
        h, linear(x, cell.weight_ih, cell.bias_ih), linear(h, cell.weight_hh, cell.bias_hh)
    )
    assert_close(found, cell(x.view(-1, 3), h.view(-1, 5)).view(h.shape))


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_lstm(shape: tuple[int, ...]) -> None:
    cell = nn.LSTMCell(3, 5)
    h, c, x = torch.randn(*shape, 5), torch.randn(*shape, 5), torch.randn(*shape, 3)
    gates = linear(x, cell.weight_ih, cell.bias_ih) + linear(h, cell.weight_hh, cell.bias_hh)
    expected = cell(x.view(-1, 3), (h.view(-1, 5), c.view(-1, 5)))
    for mine, theirs in zip(cells.lstm(c, gates), expected, strict=True):
        assert_close(mine, theirs.view(h.shape))
