"""The map that an analysis studies: one step of a network, checked and frozen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from pyrnn.arrays import States
from pyrnn.dynamics.maps._arguments import broadcast_inputs, read_inputs, read_states
from pyrnn.dynamics.maps._check import check_values

__all__ = ["CPU", "Map", "Network", "Step", "derivative"]

CPU = torch.device("cpu")


class Map(ABC):
    r"""One step of a network as a map :math:`h' = F(h, x)`, ready to be analyzed.

    A map is made by :func:`~pyrnn.dynamics.as_map`: float64, in evaluation mode, cut off from the
    network, deterministic, differentiable, and batched over leading axes.

    Attributes:
        state_size: Length of a state; ``None`` as long as a function was not tried on states.
        input_size: Number of input channels; ``None`` where it is unknown.
        parts: Lengths of the states that a state consists of, such as ``h`` and ``c`` of an LSTM.
        dt: Duration of a step in ms; 1 for a network that does not tell.
        is_smooth: Whether the step has a derivative everywhere; False where it rectifies.
        is_checked: Whether the step was tried on states.

    Subclassing:
        Write ``step`` and ``to``. Derivatives are then taken automatically; ``_jacobian`` and
        ``_input_jacobian`` may be overridden where they have a closed form.

    Example:
        >>> from pyrnn import LSTM
        >>> from pyrnn.dynamics import as_map
        >>> step = as_map(LSTM(3, 8, 2, seed=0))
        >>> step.state_size, step.input_size, step.parts, step.dt, step.is_smooth
        (16, 3, (8, 8), 10.0, True)
        >>> h, x = torch.zeros(5, 16), torch.zeros(3)
        >>> step(h, x).shape, step.jacobian(h, x).shape, step.input_jacobian(h, x).shape
        (torch.Size([5, 16]), torch.Size([5, 16, 16]), torch.Size([5, 16, 3]))
    """

    state_size: int | None = None
    input_size: int | None = None
    parts: tuple[int, ...] = ()
    dt: float = 1.0
    is_smooth: bool = True
    dtype: torch.dtype = torch.float64
    device: torch.device = CPU
    is_checked: bool = True

    @abstractmethod
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states of states and inputs in the map's dtype, ``(..., state_size)``.

        Args:
            h: States, ``(..., state_size)``.
            x: Inputs, ``(..., input_size)``.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> h, x = torch.zeros(5, 2).double(), torch.zeros(5, 1).double()
            >>> as_map(nn.GRUCell(1, 2)).step(h, x).shape
            torch.Size([5, 2])
        """

    @abstractmethod
    def to(self, dtype: torch.dtype) -> Map:
        """Return the same map in another dtype: float32 is faster where digits don't matter.

        Args:
            dtype: ``torch.float32`` or ``torch.float64``.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.dynamics import as_map
            >>> as_map(RNN(1, 2, 1)).to(torch.float32)(torch.zeros(2), torch.zeros(1)).dtype
            torch.float32
        """

    def __call__(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``.

        Args:
            h: States, ``(..., state_size)``, of any dtype.
            x: Inputs, ``(..., input_size)``.
        """
        return self.step(*self._cast(h, x))

    def jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        r"""Return :math:`\partial F / \partial h`, ``(..., state_size, state_size)``.

        At a kink of a step that rectifies it is the one-sided derivative that torch chooses.

        Args:
            h: States, ``(..., state_size)``, of any dtype.
            x: Inputs, ``(..., input_size)``.
        """
        return self._jacobian(*self._cast(h, x))

    def input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        r"""Return :math:`\partial F / \partial x`, ``(..., state_size, input_size)``.

        Args:
            h: States, ``(..., state_size)``, of any dtype.
            x: Inputs, ``(..., input_size)``; a single input serves all states.
        """
        return self._input_jacobian(*self._cast(h, x))

    def __repr__(self) -> str:
        sizes = (f"{name}={getattr(self, name)}" for name in ("state_size", "input_size", "dt"))
        return f"{type(self).__name__}({', '.join(sizes)})"

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        return derivative(lambda h: self.step(h, x), h)

    def _input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        return derivative(lambda x: self.step(h, x), x.expand(*h.shape[:-1], x.shape[-1]))

    def _cast(self, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        if h.dtype is self.dtype and x.dtype is self.dtype:
            return h, x
        return h.to(self.device, self.dtype), x.to(self.device, self.dtype)

    def tried_on(self, h: Tensor, x: Tensor) -> Map:
        """Return this map after a try on a few states; :func:`~pyrnn.dynamics.as_map` calls it.

        Args:
            h: States, ``(n, state_size)``.
            x: Their inputs, ``(n, input_size)``.

        Raises:
            ValueError: If the map leads from these states to NaN or infinity.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> step = as_map(nn.GRUCell(1, 2))
            >>> step.tried_on(torch.zeros(3, 2).double(), torch.zeros(3, 1).double()) is step
            True
        """
        check_values(self(h, x))
        return self

    def split(self, h: Tensor) -> tuple[Tensor, ...]:
        """Return the states that a state consists of.

        Stacked layers and LSTM cells have several; they are concatenated in torch's order, ``h``
        of every layer and then ``c`` of every layer.

        Args:
            h: States, ``(..., state_size)``.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> step = as_map(nn.LSTM(3, 4, num_layers=2))
            >>> [part.shape[-1] for part in step.split(torch.zeros(5, 16))]
            [4, 4, 4, 4]
        """
        return h.split(self.parts, dim=-1) if self.parts else (h,)

    def unroll(self, inputs: States, h: States | None = None) -> Tensor:
        """Return the states that follow a sequence of inputs, ``(..., time, state_size)``.

        Args:
            inputs: Inputs, ``(..., time, input_size)``.
            h: Initial states, ``(..., state_size)``; zero by default.

        Raises:
            ValueError: If a shape does not fit.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> as_map(nn.GRU(3, 4, num_layers=2)).unroll(torch.zeros(5, 20, 3)).shape
            torch.Size([5, 20, 8])
        """
        given = read_inputs(inputs, self, "inputs")
        if given.ndim < 2:
            raise ValueError(
                f"expected inputs of shape (..., time, {self.input_size or 'input_size'}), got "
                f"{tuple(given.shape)}"
            )
        if h is None and self.state_size is None:
            raise ValueError(
                "expected the initial states of a function of unknown width, got none"
            )
        start = given.new_zeros(self.state_size or 0) if h is None else self.states(h, "h")
        now, states = start.expand(*given.shape[:-2], start.shape[-1]), []
        for x in given.unbind(-2):
            now = self(now, x)
            states.append(now)
        return torch.stack(states, dim=-2)

    def states(self, values: States, name: str = "starts") -> Tensor:
        """Read states as users give them: finite, of the map's width, dtype and device.

        Args:
            values: ``(..., state_size)``; a tensor, an array, a holder of ``states``, or a tuple
                of the states that a state consists of.
            name: Name of the argument, for messages.

        Returns:
            States, ``(..., state_size)``.

        Raises:
            TypeError: If these are no real numbers.
            ValueError: If there are none, their width is wrong, or one is not finite.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> as_map(nn.LSTMCell(1, 2)).states((torch.zeros(5, 2), torch.ones(5, 2)))[0]
            tensor([0., 0., 1., 1.], dtype=torch.float64)
        """
        return read_states(values, self, name)

    def inputs(self, x: States | None, h: Tensor) -> Tensor:
        """Read inputs as users give them, one for each state.

        Args:
            x: ``(input_size,)``, or one for each state; ``None`` stands for zero.
            h: The states, ``(..., state_size)``.

        Returns:
            Inputs, ``(..., input_size)``.

        Raises:
            TypeError: If these are no real numbers.
            ValueError: If their shape is wrong, or one is not finite.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> as_map(nn.GRUCell(1, 2)).inputs([1.0], torch.zeros(5, 2)).shape
            torch.Size([5, 1])
        """
        return broadcast_inputs(read_inputs(x, self), h)

    def distinct_inputs(self, x: States | None) -> Tensor:
        """Read inputs and return each of them once.

        Args:
            x: ``(..., input_size)``; ``None`` stands for zero.

        Returns:
            Inputs, ``(n_inputs, input_size)``.

        Raises:
            TypeError: If these are no real numbers.
            ValueError: If their width is wrong, or one is not finite.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> as_map(nn.GRUCell(1, 2)).distinct_inputs([[1.0], [0.0], [1.0]]).tolist()
            [[0.0], [1.0]]
        """
        given = read_inputs(x, self)
        return torch.unique(given.reshape(-1, given.shape[-1]), dim=0)

    def one_input(self, x: States | None) -> Tensor:
        """Read a constant input.

        Args:
            x: ``(..., input_size)``, all the same; ``None`` stands for zero.

        Returns:
            The input, ``(1, input_size)``.

        Raises:
            TypeError: If these are no real numbers.
            ValueError: If their width is wrong, one is not finite, or they differ.

        Example:
            >>> from pyrnn.dynamics import as_map
            >>> as_map(nn.GRUCell(1, 2)).one_input([0.5]).tolist()
            [[0.5]]
        """
        given = self.distinct_inputs(x)
        if len(given) != 1:
            raise ValueError(
                f"expected one constant input of shape (input_size,), got {len(given)} different "
                "ones; make a call for each input"
            )
        return given


Step: TypeAlias = Callable[..., object]  # type: ignore[explicit-any]
"""A function step(h, x) as a user writes it; ``h`` may be a tuple of several states."""

Network: TypeAlias = Map | nn.Module | Step  # type: ignore[explicit-any]
"""What can be analyzed: a network, a recurrent module of torch, a function step(h, x), a map."""


def derivative(f: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Differentiate a batched function by one vectorized backward pass.

    Args:
        f: Function from ``(..., n)`` to ``(..., m)`` that treats leading axes as a batch.
        at: Where, ``(..., n)``.

    Returns:
        Derivatives, ``(..., m, n)``.

    Example:
        >>> derivative(lambda h: 2 * h, torch.zeros(2))
        tensor([[2., 0.],
                [0., 2.]])
    """
    with torch.enable_grad():
        at = at.detach().clone().requires_grad_()
        result = f(at)
    if not result.requires_grad:
        return result.new_zeros(*result.shape, at.shape[-1])
    size = result.shape[-1]
    rows = torch.eye(size, dtype=result.dtype, device=result.device)
    rows = rows.view(size, *[1] * (result.dim() - 1), size).expand(size, *result.shape)
    (gradients,) = torch.autograd.grad(
        result, at, rows, is_grads_batched=True, allow_unused=True, materialize_grads=True
    )
    return gradients.movedim(0, -2).contiguous()
