from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn import RNN
from pyrnn.arrays import as_array


@pytest.mark.parametrize(
    "values",
    [
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
        np.array([1, 2]),
        [1, 2.0],
        [torch.tensor(1.0, requires_grad=True), torch.tensor(2.0)],
        (np.float32(1), 2),
    ],
)
def test_numbers_in_any_container_are_accepted(values):
    np.testing.assert_array_equal(as_array(values), [1, 2])


def test_complex_numbers_and_names_keep_their_kind():
    assert as_array(torch.tensor([1j]).conj()).tolist() == [-1j]
    assert as_array(["go", "stop"]).dtype.kind == "U"


def test_the_memory_of_a_tensor_is_shared():
    tensor = torch.zeros(3)
    as_array(tensor)[1] = 7
    assert tensor.tolist() == [0, 7, 0]


@pytest.mark.parametrize("values", [RNN(2, 3, 1), None, [[1.0], [1.0, 2.0]], [torch.ones(2), "a"]])
def test_other_things_are_refused_with_advice(values):
    with pytest.raises(TypeError, match=rf"got {type(values).__name__}; pass states"):
        as_array(values, "pass states")
