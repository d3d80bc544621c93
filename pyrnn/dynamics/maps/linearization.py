"""The network close to a point: modes, time constants, and what the inputs do to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps._arguments import HasInputs
from pyrnn.dynamics.maps.as_map import analysis, as_map
from pyrnn.dynamics.maps.map import Network
from pyrnn.dynamics.maps.spectrum import Spectrum
from pyrnn.result import Report, Result
from pyrnn.serialize import register_former
from pyrnn.validate import as_integer, as_number

__all__ = [
    "Linearization",
    "input_jacobian",
    "jacobian",
    "linearize",
    "velocity",
]


@analysis
def jacobian(network: Network, h: States, x: States | None = None) -> Tensor:
    r"""Return the Jacobian of one step with respect to the state.

    .. math:: J_{ij} = \partial F_i(h, x) / \partial h_j

    In closed form for the built-in equations, by automatic differentiation for any other step.
    At a kink of a step that rectifies it is the one-sided derivative that torch chooses.

    Args:
        network: A network, or any batched ``step(h, x)``.
        h: States, ``(..., state_size)``.
        x: Inputs, ``(input_size,)`` or one for each state; by default zero.

    Returns:
        Jacobians, ``(..., state_size, state_size)``, float64: rows are the next state. They share
        their memory with nothing.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: As :func:`~pyrnn.dynamics.as_map`.

    Example:
        >>> jacobian(lambda h, x: 2 * h + x, torch.zeros(2), torch.zeros(2))
        tensor([[2., 0.],
                [0., 2.]], dtype=torch.float64)
    """
    step = as_map(network, h, x)
    states = step.states(h, "h")
    return step.jacobian(states, step.inputs(x, states)).clone()


@analysis
def input_jacobian(network: Network, h: States, x: States | None = None) -> Tensor:
    r"""Return the Jacobian of one step with respect to the input.

    .. math:: B_{ij} = \partial F_i(h, x) / \partial x_j

    Args:
        network: A network, or any batched ``step(h, x)``.
        h: States, ``(..., state_size)``.
        x: Inputs, ``(input_size,)`` or one for each state; by default zero.

    Returns:
        Jacobians, ``(..., state_size, input_size)``, float64.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: As :func:`~pyrnn.dynamics.as_map`.

    Example:
        >>> input_jacobian(lambda h, x: 2 * h + 3 * x, torch.zeros(1), torch.zeros(1))
        tensor([[3.]], dtype=torch.float64)
    """
    step = as_map(network, h, x)
    states = step.states(h, "h")
    return step.input_jacobian(states, step.inputs(x, states))


@analysis
def velocity(network: Network, h: States, x: States | None = None) -> Tensor:
    r"""Return how one step moves some states, :math:`F(h, x) - h`.

    Args:
        network: A network, or any batched ``step(h, x)``.
        h: States, ``(..., state_size)``.
        x: Inputs, ``(input_size,)`` or one for each state; by default zero.

    Returns:
        Moves per step, ``(..., state_size)``, float64; their norms are the speeds.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: As :func:`~pyrnn.dynamics.as_map`.

    Example:
        >>> velocity(lambda h, x: 0.5 * h, torch.ones(1, 2))
        tensor([[-0.5000, -0.5000]], dtype=torch.float64)
    """
    step = as_map(network, h, x)
    states = step.states(h, "h")
    return step(states, step.inputs(x, states)) - states


@dataclass(frozen=True, eq=False, repr=False)
class Linearization(Result):
    r"""The linear system :math:`\delta h' = J \delta h + B \delta x` at each of some states.

    Modes are sorted by modulus, largest first. Rows of ``left`` and columns of ``right`` are
    biorthonormal: ``left @ right`` is the identity. Where modes share a direction, as in a
    feedforward chain, the Jacobian is defective: it has no full set of modes, ``status`` says so,
    and the left vectors of such modes are NaN. :func:`~pyrnn.dynamics.schur_form` then gives
    orthonormal directions, :func:`~pyrnn.dynamics.pseudospectral_radius` a bound on growth.

    Args:
        jacobians: Jacobians with respect to the state, ``(..., state_size, state_size)``.
        input_jacobians: The same for the input, ``(..., state_size, input_size)``.
        dt: Duration of one step, in ms.

    Example:
        >>> at = linearize(lambda h, x: 0.5 * h + x, torch.zeros(1), torch.zeros(1), dt=10.0)
        >>> at.timescales, at.flow_jacobians
        (tensor([14.4270], dtype=torch.float64), tensor([[-0.0500]], dtype=torch.float64))
        >>> at.eigenvalues.real, at.frequencies, int(at.n_unstable)
        (tensor([0.5000], dtype=torch.float64), tensor([0.], dtype=torch.float64), 0)
        >>> at.selection_vector(), at.input_effect().real
        (tensor([1.], dtype=torch.float64), tensor([[1.]], dtype=torch.float64))
        >>> at.right.real, at.left.real, float(at.departure_from_normality)
        (tensor([[1.]], dtype=torch.float64), tensor([[1.]], dtype=torch.float64), 0.0)
        >>> bool(at.is_defective), at.status
        (False, 'complete')
    """

    jacobians: Tensor
    input_jacobians: Tensor
    dt: float

    @cached_property
    def spectrum(self) -> Spectrum:
        """Spectra of the Jacobians.

        Example:
            >>> linearize(lambda h, x: 0.5 * h, torch.zeros(1)).spectrum
            Spectrum(stable node)
        """
        return Spectrum(self.jacobians)

    @property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues, ``(..., state_size)``, complex."""
        return self.spectrum.eigenvalues

    @property
    def right(self) -> Tensor:
        """Right eigenvectors in the columns: where the modes lie, of unit length."""
        return self.spectrum.right

    @property
    def left(self) -> Tensor:
        """Left eigenvectors in the rows: what drives the modes; NaN where there is none."""
        return self.spectrum.left

    @property
    def is_defective(self) -> Tensor:
        """Whether modes share a direction to rounding, ``(...)``."""
        return self.spectrum.is_defective

    @property
    def status(self) -> str:
        """Verdict in words."""
        n = int(self.is_defective.sum())
        if not n:
            return "complete"
        return (
            f"{n} of {self.is_defective.numel()} Jacobians defective: they have no full set of "
            "modes; see schur_form and pseudospectral_radius"
        )

    @property
    def n_unstable(self) -> Tensor:
        """Number of modes that grow, ``(...)``."""
        return self.spectrum.n_unstable

    @property
    def timescales(self) -> Tensor:
        """Time constants in ms, ``(..., state_size)``."""
        return self.spectrum.timescales(self.dt)

    @property
    def frequencies(self) -> Tensor:
        """Frequencies in Hz, ``(..., state_size)``."""
        return self.spectrum.frequencies(self.dt)

    @property
    def departure_from_normality(self) -> Tensor:
        """Henrici's departure from normality, ``(...)``."""
        return self.spectrum.departure_from_normality

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
            Vectors, ``(..., state_size)``; NaN where the mode shares its direction with another.

        Raises:
            TypeError: If the index is no whole number.

        References:
            Mante et al., *Nature* 503:78 (2013).
        """
        return self.left[..., as_integer("mode", mode), :].real

    def input_effect(self) -> Tensor:
        """Return how much each input channel drives each mode, ``(..., state_size, input_size)``.

        The product of the left eigenvectors with the Jacobian of the input.
        """
        return self.left @ self.input_jacobians.to(self.left.dtype)

    def _frame(self) -> dict[str, list[object]]:
        size = self.jacobians.shape[-1]
        eigenvalues = self.eigenvalues.reshape(-1, size)
        state, mode = torch.meshgrid(*map(torch.arange, eigenvalues.shape), indexing="ij")
        return {
            "state": state.flatten().tolist(),
            "mode": mode.flatten().tolist(),
            "eigenvalue": eigenvalues.flatten().tolist(),
            "timescale": self.timescales.flatten().tolist(),
            "frequency": self.frequencies.flatten().tolist(),
        }

    def _report(self) -> Report:
        size = self.jacobians.shape[-1]
        spectrum = Spectrum(self.jacobians.reshape(-1, size, size))
        largest = spectrum.eigenvalues[:, 0].abs().tolist()
        slowest = spectrum.timescales(self.dt).abs().amax(-1).tolist()
        rows = [
            (kind, f"{radius:.4f}", f"{tau:.4g}")
            for kind, radius, tau in zip(spectrum.stability, largest, slowest, strict=True)
        ]
        title = f"linearization at {len(rows)} state{'s' if len(rows) != 1 else ''}"
        columns = ("stability", "|λ|", "slowest mode (ms)")
        return Report(title, columns, rows, [f"status: {self.status}"])


register_former("Linearisation", Linearization)  # in files of version 0.1


@analysis
def linearize(
    network: Network, h: States, x: States | None = None, *, dt: float | None = None
) -> Linearization:
    r"""Take the first derivatives of one step at some states.

    .. math:: F(h + \delta h, x + \delta x) \approx F(h, x) + J \delta h + B \delta x

    Args:
        network: A network, or any batched ``step(h, x)``.
        h: States, ``(..., state_size)``, or fixed points, which bring their inputs along.
        x: Inputs, ``(input_size,)`` or one for each state; by default zero.
        dt: Duration of one step in ms; by default the network's own, or 1.

    Returns:
        Jacobians, and what follows from them, in float64.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: As :func:`~pyrnn.dynamics.as_map`, or if ``dt`` is not positive.

    Example:
        >>> at = linearize(lambda h, x: h @ torch.diag(torch.tensor([0.9, 0.5])), torch.zeros(2))
        >>> at.eigenvalues.real, at.n_unstable
        (tensor([0.9000, 0.5000], dtype=torch.float64), tensor(0))

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013).
    """
    if x is None and isinstance(h, HasInputs):
        x = h.inputs
    step = as_map(network, h, x)
    states = step.states(h, "h")
    inputs = step.inputs(x, states)
    dt = step.dt if dt is None else as_number("dt", dt, above=0, unit="ms")
    return Linearization(step.jacobian(states, inputs), step.input_jacobian(states, inputs), dt)
