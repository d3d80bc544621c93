"""Arguments become plain data and come back."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, RNN
from pyrnn.activations import register_activation
from pyrnn.serialize import argument_names, config_of, decode, encode, register


class Scaled(CTRNN):
    def __init__(self, *sizes: int, scale: float = 2.0, **options: object):
        super().__init__(*sizes, **options)
        self.scale = scale


class Fixed(CTRNN):
    """Fixes an option of its parent, changes another, keeps none of its own."""

    def __init__(self, size: int, tau: float = 50.0, *, secret: int = 1, **options: object):
        super().__init__(size, 8, size, tau=2 * tau, autapses=False, **options)


@register
class Forgetful:
    def __init__(self, *, secret: int = 1):
        pass


@register_activation
def cube(x: Tensor) -> Tensor:
    return x**3


def test_arguments_are_collected_along_the_classes() -> None:
    names = argument_names(Scaled)
    assert names[0] == "scale"
    assert {"input_size", "tau", "dale_ratio"} <= set(names)


def test_collection_ends_where_options_end() -> None:
    assert argument_names(Forgetful) == ["secret"]


def test_config_builds_the_network_again() -> None:
    rnn = Scaled(3, 8, 2, tau=50.0, scale=3.0, frozen=["w_in"])
    again = decode(encode(rnn))
    assert config_of(again) == config_of(rnn)
    assert (again.scale, again.tau, again.frozen) == (3.0, 50.0, ["w_in"])


def test_an_argument_that_is_not_kept() -> None:
    with pytest.raises(TypeError, match=r"no attribute secret; write self.secret = secret"):
        config_of(Forgetful())


def test_a_network_is_built_by_what_it_was_called_with() -> None:
    again = decode(encode(Fixed(3, secret=5, noise=0.1)))
    assert (again.input_size, again.tau, again.autapses, again.noise) == (3, 100.0, False, 0.1)


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "x", [1, [2.0]], (1, "a"), {"k": [None]}])
def test_plain_data_stays_as_it_is(value: object) -> None:
    assert decode(encode(value)) == value


def test_arrays_become_tensors() -> None:
    assert torch.equal(encode(np.arange(3)), torch.arange(3))


@pytest.mark.parametrize(
    "number", [np.float64(0.5), np.float32(0.5), np.int64(3), np.bool_(True), np.str_("a")]
)
def test_numbers_of_numpy_become_plain_ones(number: np.generic) -> None:
    plain = encode(number)
    assert type(plain) in (bool, int, float, str)
    assert plain == number


def test_a_tensor_is_copied() -> None:
    value = torch.zeros(2, requires_grad=True)
    assert encode(value) is not value
    assert not encode(value).requires_grad


def test_a_function_is_named() -> None:
    name = encode(cube)
    assert name == f"{__name__}:cube"
    rnn = RNN(1, 4, 1, activation=decode(name))
    assert rnn.f is cube


@pytest.mark.parametrize("function", [lambda x: x, functools.partial(cube)])
def test_a_function_without_a_name(function: object) -> None:
    with pytest.raises(ValueError, match=r"activation to be a function.*top of a module"):
        encode(function, "activation")


def test_what_is_no_data() -> None:
    with pytest.raises(ValueError, match=r"plain data.*got seed of type object"):
        encode(object(), "seed")


def test_an_unknown_class() -> None:
    with pytest.raises(ValueError, match=r"class lab.Unknown to be defined.*import the module"):
        decode({"__class__": "lab.Unknown", "config": {}})


def test_a_class_of_a_script_is_found_by_its_name() -> None:
    data = encode(Scaled(1, 2, 1))
    data["__class__"] = "__main__.Scaled"
    assert isinstance(decode(data), Scaled)
