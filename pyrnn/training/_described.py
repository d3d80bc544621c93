"""Texts by which a file tells whether what a run consists of has changed."""

from __future__ import annotations

import zlib
from dataclasses import fields, is_dataclass
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Subset, TensorDataset

from pyrnn.training._datasets import Dataset

__all__ = ["described", "described_contents", "described_dataset", "described_options"]


def described(thing: object) -> str:
    """Return a text by which a file tells whether a loss, penalty or scheduler has changed.

    Args:
        thing: A function, an object or a name.

    Example:
        >>> from pyrnn.training import L2, mse
        >>> described(mse), described("cosine"), described(None)
        ('mse', 'cosine', 'None')
        >>> described(L2(0.1)) == described(L2(0.2))
        False
    """
    if thing is None or isinstance(thing, str):
        return str(thing)
    if isinstance(thing, partial):
        return f"{described(thing.func)} with {thing.args} {thing.keywords}"
    if isinstance(thing, FunctionType) and "<" in thing.__qualname__:  # has no name of its own
        code = thing.__code__
        body = code.co_code + repr((code.co_names, code.co_varnames)).encode()
        constants = [value for value in code.co_consts if not isinstance(value, CodeType)]
        return f"{thing.__qualname__} {zlib.crc32(body + repr(constants).encode()):08x}"
    if isinstance(thing, (FunctionType, MethodType, BuiltinFunctionType, type)):
        return thing.__qualname__
    plain = (bool, int, float, str, list, tuple, dict, type(None))
    values = {k: v for k, v in getattr(thing, "__dict__", {}).items() if isinstance(v, plain)}
    return f"{type(thing).__name__} with {values}"


def described_options(optimizer: Optimizer) -> str:
    """Return a text by which a file tells whether options of an optimizer have changed.

    Args:
        optimizer: The optimizer. Its learning rate, which a scheduler changes, is left out.

    Example:
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> "'momentum': 0.9" in described_options(torch.optim.SGD([weight], momentum=0.9))
        True
    """
    plain = (bool, int, float, str, tuple, type(None))
    options = {k: v for k, v in optimizer.defaults.items() if isinstance(v, plain) and k != "lr"}
    return str(dict(sorted(options.items())))


def described_dataset(dataset: Dataset) -> str:
    """Return a text by which a file tells whether the dataset has changed.

    Args:
        dataset: The dataset.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> described_dataset(TensorDataset(torch.zeros(8, 5, 2), torch.zeros(8, 5, 1)))
        'TensorDataset of 8'
    """
    try:
        size = f" of {len(dataset)}"  # type: ignore[arg-type]
    except TypeError:
        size = ""
    if isinstance(dataset, DataLoader):
        size += f" batches of {dataset.batch_size}, {type(dataset.sampler).__name__}"
    return f"{type(dataset).__name__}{size}"


def described_contents(dataset: Dataset) -> str:
    """Return a text by which a file tells whether other trials come from the dataset.

    It is made of the parameters of a task, or of a sample of the numbers of a ``TensorDataset``.

    Args:
        dataset: The dataset.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> zeros, ones = TensorDataset(torch.zeros(8, 5, 2)), TensorDataset(torch.ones(8, 5, 2))
        >>> described_contents(zeros) == described_contents(ones)
        False
    """
    if isinstance(dataset, (DataLoader, Subset)):
        return described_contents(dataset.dataset)
    if isinstance(dataset, TensorDataset):
        return ", ".join(map(_fingerprint, dataset.tensors))
    if not is_dataclass(dataset):
        return ""
    plain = (bool, int, float, str, list, tuple, type(None))
    values = {field.name: getattr(dataset, field.name) for field in fields(dataset)}
    return str({name: value for name, value in values.items() if isinstance(value, plain)})


def _fingerprint(tensor: Tensor) -> str:
    """Return the shape of a tensor and a checksum of at most 65,536 of its entries."""
    entries = tensor.detach().reshape(-1)
    sample = entries[:: max(1, -(-len(entries) // 2**16))].contiguous().cpu()
    return f"{tuple(tensor.shape)} {zlib.crc32(sample.view(torch.uint8).numpy().tobytes()):08x}"
