"""What ``fit`` uses of a network, and any torch module as such a network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from pyrnn.training.history import History
from pyrnn.training.losses import mse
from pyrnn.training.state import TrainingState
from pyrnn.unroll.train import Learner

__all__ = ["Forward", "Rolled", "Trainable", "as_trainable", "in_mode"]


class Rolled(Protocol):
    """What a network returns: its outputs and its states.

    Example:
        >>> from pyrnn import RNN
        >>> rollout: Rolled = RNN(3, 8, 2)(torch.zeros(5, 20, 3))
        >>> rollout.outputs.shape, rollout.states.shape
        (torch.Size([5, 20, 2]), torch.Size([5, 20, 8]))
    """

    @property
    def outputs(self) -> Tensor:
        """Outputs, ``(trials, time, output_size)``."""

    @property
    def states(self) -> Tensor:
        """States, ``(trials, time, state_size)``."""


Forward: TypeAlias = Callable[[Tensor], "tuple[Rolled, Callable[[Tensor], None]]"]
"""Function of the inputs that returns the rollout, and the function to call with the loss."""


class Trainable(nn.Module):
    """What ``fit`` and ``evaluate`` use of a network; every network of pyrnn is one.

    Attributes:
        input_size: Number of input channels; None if unknown.
        output_size: Number of output channels; None if unknown.
        generator: Source of the noise.
        history: Record of all trainings.
        training_state: State of the latest training, from which the next one goes on.

    Subclassing:
        Write ``forward(inputs)``, which returns ``outputs`` and ``states``, and set the sizes and
        the generator. ``loss``, ``training_loop`` and ``save`` may be overridden.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(3, 8, 2)
        >>> isinstance(rnn, Trainable)
        True
        >>> rnn.loss(torch.ones(5, 20, 2), torch.zeros(5, 20, 2)).item()
        1.0
        >>> inputs = torch.ones(5, 20, 3)
        >>> with rnn.training_loop() as forward:
        ...     rollout, backward = forward(inputs)
        ...     backward(rollout.outputs.sum())
        >>> rnn.w_out.bias.grad
        tensor([100., 100.])
        >>> from pyrnn.training.network import as_trainable
        >>> as_trainable(nn.GRU(3, 8, batch_first=True)).save("gru.pt")
        Traceback (most recent call last):
        ...
        TypeError: expected a network of pyrnn for a file of it, got GRU; ...
    """

    input_size: int | None
    output_size: int | None
    generator: torch.Generator
    history: History | None = None
    training_state: TrainingState | None = None

    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the loss that ``fit`` minimizes if no other is given: the mean squared error.

        Args:
            outputs: Outputs, ``(..., time, output_size)``.
            targets: Targets of the same shape.
            mask: Weights, ``(..., time)`` or of the shape of the targets.
        """
        return mse(outputs, targets, mask)

    @contextmanager
    def training_loop(self) -> Iterator[Forward]:
        """Provide ``forward`` for a training loop.

        Yields:
            A function of the inputs that returns the rollout and a function ``backward``, which
            takes the gradient of a loss to the parameters.
        """
        yield lambda inputs: (self(inputs), Tensor.backward)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the network to a file.

        Args:
            path: Where to write.
        """
        self._refuse_file()

    def _restore(self, path: str | os.PathLike[str]) -> None:
        """Load weights, history and state of the training from a file that ``save`` wrote."""
        self._refuse_file()

    def _learner(self) -> Learner | str:
        """The network as the kernel trains it, or why it cannot."""
        return f"{type(self._module).__name__} is no network of pyrnn"

    def _noise_of(self, inputs: Tensor) -> Tensor | None:
        """Draw the noise in the input current, if there is any."""
        return None

    @property
    def _like(self) -> Tensor:
        """A tensor with the dtype and the device of the network."""
        return next(p for p in self.parameters() if p.is_floating_point())

    @property
    def _dt(self) -> float | None:
        """Duration of a time step in ms, if the equation depends on it."""
        return None

    @property
    def _module(self) -> nn.Module:
        """The module that the user gave."""
        return self

    def _refuse_file(self) -> NoReturn:
        raise TypeError(
            f"expected a network of pyrnn for a file of it, got {type(self._module).__name__}; "
            "write module.state_dict() with torch.save, e.g. in a callback"
        )


def as_trainable(module: nn.Module) -> Trainable:
    """Return a network as it is, and any other module with what ``fit`` uses.

    Args:
        module: A network, or a module whose ``forward`` takes inputs ``(trials, time, channels)``
            and returns outputs, or a pair of outputs and states.

    Raises:
        TypeError: If it is no module.
        ValueError: If it is a recurrent module of torch that expects the time axis first.

    Example:
        >>> outputs, states = as_trainable(nn.GRU(3, 8, batch_first=True))(torch.zeros(5, 20, 3))
        >>> outputs.shape
        torch.Size([5, 20, 8])
    """
    if isinstance(module, Trainable):
        return module
    if not isinstance(module, nn.Module):
        raise TypeError(f"expected a network, an nn.Module, got {type(module).__name__}")
    if isinstance(module, nn.RNNBase) and not module.batch_first:
        raise ValueError(
            f"expected a module of inputs (trials, time, channels), got {type(module).__name__} "
            "with batch_first=False; build it with batch_first=True"
        )
    return _Adapted(module)


@contextmanager
def in_mode(module: nn.Module, is_training: bool) -> Iterator[None]:
    """Put a module into training or evaluation mode, then restore the mode of each of its parts.

    Args:
        module: The module.
        is_training: Whether it is training mode.

    Yields:
        Nothing.

    Example:
        >>> module = nn.Sequential(nn.Linear(2, 1))
        >>> with in_mode(module, False):
        ...     module.training, module[0].training
        (False, False)
        >>> module[0].training
        True
    """
    modes = [(part, part.training) for part in module.modules()]
    module.train(is_training)
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


class _Rollout(NamedTuple):
    outputs: Tensor
    states: Tensor


class _OutputsOnly(NamedTuple):
    """Rollout of a module that does not return its states."""

    outputs: Tensor
    name: str

    @property
    def states(self) -> Tensor:
        raise TypeError(
            f"expected forward of {self.name} to return (outputs, states), both (trials, time, "
            "channels), for a penalty on states, got outputs alone"
        )


class _Adapted(Trainable):
    """Any module as a network: without sizes, noise and files."""

    input_size = output_size = None

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.generator = torch.Generator()

    @property
    def _module(self) -> nn.Module:
        return self.module

    def forward(self, inputs: Tensor) -> Rolled:
        found, name = self.module(inputs), type(self.module).__name__
        is_pair = isinstance(found, (tuple, list)) and len(found) == 2
        outputs, states = found if is_pair else (found, None)
        if not isinstance(outputs, Tensor) or outputs.shape[:2] != inputs.shape[:2]:
            got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise TypeError(
                f"expected forward of {name} to return outputs, or (outputs, states), of shape "
                f"({inputs.shape[0]}, {inputs.shape[1]}, channels), got {got}"
            )
        if isinstance(states, Tensor) and states.shape[:2] == inputs.shape[:2]:
            return _Rollout(outputs, states)
        return _OutputsOnly(outputs, name)
