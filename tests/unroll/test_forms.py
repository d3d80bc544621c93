"""Marks of functions whose form is known."""

from __future__ import annotations

import functools

from torch import Tensor

from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.unroll import CURRENT, GATED, GRU_FORM, RATE, form_of, has_form


def test_forms_of_the_built_in_networks() -> None:
    forms = {
        RNN: RATE,
        RateRNN: RATE,
        CTRNN: CURRENT,
        LowRankRNN: CURRENT,
        GRU: GRU_FORM,
        LSTM: GATED,
    }
    assert {cls: form_of(cls.step) for cls in forms} == forms
    assert form_of(RNNBase.readout) == RATE
    assert form_of(CTRNN.readout) == CURRENT


def test_an_override_is_not_marked() -> None:
    class Own(CTRNN):
        def step(self, h: Tensor, x: Tensor) -> Tensor:
            return super().step(h, x)

    assert form_of(Own.step) == ""
    assert form_of(Own(1, 2, 1).step) == ""


def test_what_is_no_function_has_no_form() -> None:
    class Unhashable:
        __hash__ = None

        def __call__(self, h: Tensor, x: Tensor) -> Tensor:
            return h

    assert form_of(Unhashable()) == ""
    assert form_of(functools.partial(CTRNN.step)) == ""


def test_a_decorated_function_is_returned_as_it_is() -> None:
    def step(h: Tensor, x: Tensor) -> Tensor:
        return h

    assert has_form(RATE)(step) is step
    assert form_of(step) == RATE
