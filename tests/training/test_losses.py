"""Losses are means over what is scored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import gammaln
from scipy.stats import poisson as law
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from pyrnn.training.losses import (
    LOSSES,
    binary_cross_entropy,
    cross_entropy,
    loss_function,
    masked_mean,
    mse,
    poisson,
)

OUTPUTS = torch.randn(4, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
MASK = (torch.arange(24).reshape(4, 6) % 3 > 0).double()
TARGETS = {
    "mse": OUTPUTS.flip(0),
    "cross_entropy": torch.arange(24).reshape(4, 6) % 3,
    "binary_cross_entropy": (OUTPUTS.flip(1) > 0).double(),
    "poisson": OUTPUTS.flip(1).abs().round(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_mask_of_ones_is_no_mask(name: str) -> None:
    loss = LOSSES[name](OUTPUTS, TARGETS[name], torch.ones(4, 6))
    assert_close(loss, LOSSES[name](OUTPUTS, TARGETS[name]))


@pytest.mark.parametrize("name", LOSSES)
def test_masked_loss_is_that_of_the_scored_steps_alone(name: str) -> None:
    scored = MASK > 0
    alone = LOSSES[name](OUTPUTS[scored], TARGETS[name][scored])
    assert_close(LOSSES[name](OUTPUTS, TARGETS[name], MASK), alone)


@pytest.mark.parametrize("name", LOSSES)
def test_a_weight_of_two_counts_a_step_twice(name: str) -> None:
    weights = torch.tensor([2.0, 1.0, 0, 0, 0, 0])
    outputs, targets = OUTPUTS[0], TARGETS[name][0]
    twice = LOSSES[name](outputs[[0, 0, 1]], targets[[0, 0, 1]])
    assert_close(LOSSES[name](outputs, targets, weights), twice)


@pytest.mark.parametrize("name", LOSSES)
def test_nan_where_nothing_is_scored_reaches_neither_loss_nor_gradient(name: str) -> None:
    """Soft labels had a finite loss with a gradient of NaN."""
    outputs = OUTPUTS.clone().requires_grad_()
    known = TARGETS[name] if name != "cross_entropy" else OUTPUTS.flip(0).softmax(-1)
    targets = known.masked_fill(MASK.unsqueeze(-1) == 0, torch.nan)
    loss = LOSSES[name](outputs, targets, MASK)
    loss.backward()
    assert_close(loss.detach(), LOSSES[name](OUTPUTS[MASK > 0], known[MASK > 0]))
    assert bool(loss.isfinite())
    assert bool((outputs.grad[MASK == 0] == 0).all())
    assert bool((outputs.grad[MASK > 0] != 0).all())


@pytest.mark.parametrize("unknown", [99, -100, -1])
def test_a_class_that_is_not_scored_may_be_unknown(unknown: int) -> None:
    """Class 99 raised an IndexError of torch, whatever its weight."""
    classes = TARGETS["cross_entropy"].masked_fill(MASK == 0, unknown)
    expected = functional.cross_entropy(OUTPUTS[MASK > 0], TARGETS["cross_entropy"][MASK > 0])
    assert_close(cross_entropy(OUTPUTS, classes, MASK), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_negative_weights_are_refused(name: str) -> None:
    """The mean of 1 and 3 with weights 1 and -1 was 4.5e307."""
    with pytest.raises(ValueError, match="weights >= 0, got -1; a weight of 0 leaves a step out"):
        LOSSES[name](OUTPUTS, TARGETS[name], MASK - 1)
    with pytest.raises(ValueError, match="weights >= 0, got -1"):
        masked_mean(torch.tensor([1.0, 3.0]), torch.tensor([1.0, -1.0]))


def test_mask_per_output_channel() -> None:
    mask = torch.zeros(4, 6, 3)
    mask[..., 1] = 1
    channel = slice(1, 2)
    expected = mse(OUTPUTS[..., channel], TARGETS["mse"][..., channel])
    assert_close(mse(OUTPUTS, TARGETS["mse"], mask), expected)


def test_against_torch() -> None:
    assert_close(mse(OUTPUTS, TARGETS["mse"]), functional.mse_loss(OUTPUTS, TARGETS["mse"]))
    reference = functional.cross_entropy(
        OUTPUTS.reshape(24, 3), TARGETS["cross_entropy"].flatten()
    )
    assert_close(cross_entropy(OUTPUTS, TARGETS["cross_entropy"]), reference)
    bits = TARGETS["binary_cross_entropy"]
    reference = functional.binary_cross_entropy(OUTPUTS.sigmoid(), bits)
    assert_close(binary_cross_entropy(OUTPUTS, bits), reference)


def test_cross_entropy_of_probabilities() -> None:
    one_hot = functional.one_hot(TARGETS["cross_entropy"]).double()
    classes = cross_entropy(OUTPUTS, TARGETS["cross_entropy"], MASK)
    assert_close(cross_entropy(OUTPUTS, one_hot, MASK), classes)


def test_nothing_scored_is_a_loss_of_zero() -> None:
    assert mse(OUTPUTS, TARGETS["mse"], torch.zeros(4, 6)) == 0


def test_loss_of_a_name() -> None:
    def mine(outputs: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
        return outputs.sum()

    assert loss_function(mine) is mine
    with pytest.raises(ValueError, match=r"loss among mse, cross_entropy.*got 'mae'"):
        loss_function("mae")
    with pytest.raises(TypeError, match=r"loss's name or loss\(outputs, targets, mask\), got 3"):
        loss_function(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mse", "binary_cross_entropy"])
def test_classes_are_refused_where_numbers_are_compared(name: str) -> None:
    with pytest.raises(ValueError, match=r"shape of the outputs.*cross_entropy"):
        LOSSES[name](OUTPUTS, TARGETS["cross_entropy"])


def test_the_poisson_loss_is_the_likelihood_of_scipy_and_ignores_unknown_counts():
    counts = torch.tensor([[[0.0, 3.0], [2.0, torch.nan]]])
    logs = torch.randn(1, 2, 2, requires_grad=True)
    mask = ~counts.isnan()
    value = poisson(logs, counts, mask)
    y, k = logs.detach().numpy()[mask], counts.numpy()[mask]
    expected = -law.logpmf(k, np.exp(y)) - gammaln(k + 1)
    assert value.item() == pytest.approx(expected.mean())
    value.backward()
    assert logs.grad[0, 1, 1] == 0
    assert logs.grad.isfinite().all()
