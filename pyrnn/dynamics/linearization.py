"""The network close to a point: modes, time constants, and what the inputs do to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.inputs import as_inputs, as_states
from pyrnn.dynamics.jacobian import input_jacobian, jacobian
from pyrnn.dynamics.stability import count_unstable
from pyrnn.dynamics.step import frozen_step, one_thread


def timescales(eigenvalues: Tensor, dt: float) -> Tensor:
    r"""Convert eigenvalues of a step's Jacobian into time constants.

    A mode with eigenvalue :math:`\lambda` shrinks by :math:`|\lambda|` every step, hence

    .. math:: \tau = -\Delta t / \ln |\lambda| .

    Args:
        eigenvalues: Eigenvalues, ``(..., hidden_size)``, real or complex.
        dt: Duration of one step, in ms.

    Returns:
        Time constants in ms, ``(..., hidden_size)``: negative for growing modes, infinite for
        marginal ones.

    Raises:
        ValueError: If ``dt`` is not positive.

    Example:
        >>> timescales(torch.tensor([0.5]), dt=10.0)
        tensor([14.4270])

    References:
        Strogatz, *Nonlinear Dynamics and Chaos* (2015), section 10.1.
    """
    return -_positive(dt) / eigenvalues.abs().log()


def frequencies(eigenvalues: Tensor, dt: float) -> Tensor:
    r"""Convert eigenvalues of a step's Jacobian into frequencies.

    .. math:: f = |\arg \lambda| / (2 \pi \Delta t)

    Args:
        eigenvalues: Eigenvalues, ``(..., hidden_size)``, real or complex.
        dt: Duration of one step, in ms.

    Returns:
        Frequencies in Hz, ``(..., hidden_size)``, zero for modes that do not turn.

    Raises:
        ValueError: If ``dt`` is not positive.

    Example:
        >>> frequencies(torch.tensor([0.5j]), dt=10.0)
        tensor([25.])
    """
    return eigenvalues.angle().abs() / (2 * math.pi * _positive(dt)) * 1000


def departure_from_normality(jacobians: Tensor) -> Tensor:
    r"""Return how far matrices are from normal, between 0 and 1.

    .. math:: \sqrt{1 - \sum_i |\lambda_i|^2 / \|J\|_F^2}

    Zero means orthogonal modes; a large value lets even stable modes amplify for a while.

    Args:
        jacobians: Matrices, ``(..., hidden_size, hidden_size)``.

    Returns:
        Henrici's departure from normality, relative to the norm, ``(...)``.

    Example:
        >>> departure_from_normality(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        tensor(1.)

    References:
        Trefethen & Embree, *Spectra and Pseudospectra* (2005), chapter 48.
    """
    with one_thread():
        modes = torch.linalg.eigvals(jacobians).abs().square().sum(-1)
    size = jacobians.square().sum((-2, -1))
    tiny = torch.finfo(size.dtype).tiny
    return (1 - modes / size.clamp(min=tiny)).clamp(min=0).sqrt() * (size > 0)


def _positive(dt: float) -> float:
    if not dt > 0:
        raise ValueError(f"expected a positive dt, got {dt}; it is the duration of a step in ms")
    return dt


@dataclass(frozen=True, eq=False)
class Linearization:
    r"""The linear system :math:`\delta h' = J \delta h + B \delta x` at each of some states.

    Modes are sorted by modulus, largest first. Rows of ``left`` and columns of ``right`` are
    biorthonormal: ``left @ right`` is the identity.

    Args:
        jacobians: Jacobians with respect to the state, ``(..., hidden_size, hidden_size)``.
        input_jacobians: The same for the input, ``(..., hidden_size, input_size)``.
        dt: Duration of one step, in ms.

    Example:
        >>> at = linearize(lambda h, x: 0.5 * h + x, torch.zeros(1), torch.zeros(1), dt=10.0)
        >>> at.timescales, at.flow_jacobians
        (tensor([14.4270], dtype=torch.float64), tensor([[-0.0500]], dtype=torch.float64))
    """

    jacobians: Tensor
    input_jacobians: Tensor
    dt: float

    @cached_property
    def _modes(self) -> tuple[Tensor, Tensor]:
        with one_thread():
            values, vectors = torch.linalg.eig(self.jacobians)
        order = values.abs().argsort(dim=-1, descending=True, stable=True)
        columns = order[..., None, :].expand_as(vectors)
        return values.gather(-1, order), vectors.gather(-1, columns)

    @property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues, ``(..., hidden_size)``, complex."""
        return self._modes[0]

    @property
    def right(self) -> Tensor:
        """Right eigenvectors in the columns: where the modes lie, of unit length."""
        return self._modes[1]

    @cached_property
    def left(self) -> Tensor:
        """Left eigenvectors in the rows: what drives the modes."""
        with one_thread():
            return torch.linalg.pinv(self.right)

    @property
    def n_unstable(self) -> Tensor:
        """Number of modes that grow, ``(...)``."""
        return count_unstable(self.eigenvalues)

    @property
    def timescales(self) -> Tensor:
        """Time constants in ms, ``(..., hidden_size)``."""
        return timescales(self.eigenvalues, self.dt)

    @property
    def frequencies(self) -> Tensor:
        """Frequencies in Hz, ``(..., hidden_size)``."""
        return frequencies(self.eigenvalues, self.dt)

    @property
    def departure_from_normality(self) -> Tensor:
        """Departure from normality, ``(...)``, see :func:`departure_from_normality`."""
        return departure_from_normality(self.jacobians)

    @property
    def flow_jacobians(self) -> Tensor:
        r"""Jacobians of the flow that the step integrates, :math:`(J - I)/\Delta t`, per ms."""
        eye = torch.eye(self.jacobians.shape[-1]).to(self.jacobians)
        return (self.jacobians - eye) / self.dt

    def selection_vector(self, mode: int = 0) -> Tensor:
        """Return the direction of state space that a slow real mode integrates.

        An input pushes the network along the mode by its product with this vector: the left
        eigenvector, scaled so that the right one has unit length.

        Args:
            mode: Index of the mode; 0 is the one of largest modulus.

        Returns:
            Vectors, ``(..., hidden_size)``.

        References:
            Mante et al., *Nature* 503:78 (2013).
        """
        return self.left[..., mode, :].real

    def input_effect(self) -> Tensor:
        """Return how much each input channel drives each mode, ``(..., hidden_size, input_size)``.

        The product of the left eigenvectors with the input's Jacobian.
        """
        return self.left @ self.input_jacobians.to(self.left.dtype)


def linearize(rnn: Any, h: Any, x: Any = None, *, dt: float | None = None) -> Linearization:
    r"""Take the first derivatives of one step at some states.

    .. math:: F(h + \delta h, x + \delta x) \approx F(h, x) + J \delta h + B \delta x

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        h: States, ``(..., hidden_size)``, or ``FixedPoints``, which bring their inputs along.
        x: Inputs, ``(input_size,)`` or one for each state; by default zero.
        dt: Duration of one step in ms; by default the network's own, or 1.

    Returns:
        Jacobians, and what follows from them, in float64.

    Raises:
        ValueError: If shapes do not fit, ``dt`` is not positive, or the step is not one that
            :func:`~pyrnn.dynamics.find_fixed_points` would take.

    Example:
        >>> at = linearize(lambda h, x: h @ torch.diag(torch.tensor([0.9, 0.5])), torch.zeros(2))
        >>> at.eigenvalues.real, at.n_unstable
        (tensor([0.9000, 0.5000], dtype=torch.float64), tensor(0))

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013).
    """
    x = getattr(h, "inputs", None) if x is None else x
    states = as_states(getattr(h, "states", h), rnn)
    inputs = as_inputs(x, states, rnn)
    owner = getattr(rnn, "__self__", rnn)
    dt = _positive(float(getattr(owner, "dt", 1.0)) if dt is None else dt)
    shape = states.shape[:-1]
    states, inputs = (values.reshape(-1, values.shape[-1]) for values in (states, inputs))
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, states, inputs)
        j, b = jacobian(step, states, inputs), input_jacobian(step, states, inputs)
    return Linearization(j.reshape(*shape, *j.shape[1:]), b.reshape(*shape, *b.shape[1:]), dt)
