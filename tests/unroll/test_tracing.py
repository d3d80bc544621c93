"""Whoever records or fakes operations sees plain operations of torch, never the kernel."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, RNN, LowRankRNN, RateRNN

KINDS = [RNN, CTRNN, RateRNN, LowRankRNN, GRU]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def rnn(request: pytest.FixtureRequest):
    return request.param(2, 6, 2).eval()


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_traced_network_computes(rnn) -> None:
    with torch.no_grad():
        traced = torch.jit.trace(rnn, torch.randn(2, 4, 2))
        x = torch.randn(2, 4, 2)
        assert_close(traced(x)[1], rnn(x).states)


def test_a_recorded_graph_computes(rnn) -> None:
    graph = make_fx(lambda x: rnn(x).states)(torch.randn(2, 4, 2))
    x = torch.randn(2, 4, 2)
    assert_close(graph(x), rnn(x).states)


def test_fake_tensors_have_shapes_and_no_numbers(rnn) -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        outputs, states = rnn(torch.randn(2, 4, 2))
    assert outputs.shape == (2, 4, 2)
    assert states.shape == (2, 4, rnn.state_size)


class Marked(Tensor):
    """A tensor of another class."""


def test_a_subclass_of_tensor_is_not_read_from_memory(rnn) -> None:
    x = torch.randn(2, 4, 2)
    assert_close(Tensor(rnn(x.as_subclass(Marked)).states), rnn(x).states)


def test_export(rnn) -> None:
    x = torch.randn(2, 4, 2)
    program = torch.export.export(rnn, (x,), strict=False)
    assert_close(program.module()(x)[1], rnn(x).states)
