"""Several steps as one map."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps.as_map import as_map
from pyrnn.dynamics.maps.map import Map, Network
from pyrnn.validate import as_integer

__all__ = ["IteratedMap"]


@dataclass(frozen=True, eq=False, init=False, repr=False)
class IteratedMap(Map):
    r"""Several steps as one, :math:`F^k`, with the Jacobian as a product along the orbit.

    .. math:: D F^k(h) = J(F^{k-1}(h)) \cdots J(F(h)) \, J(h)

    Args:
        network: A network, or any batched ``step(h, x)``.
        n_steps: How many steps :math:`k`.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`, or if ``n_steps`` is no whole number.
        ValueError: As :func:`~pyrnn.dynamics.as_map`, or if it is not positive.

    Example:
        >>> thrice = IteratedMap(lambda h, x: 2 * h, 3)
        >>> thrice(torch.ones(1, 1), torch.zeros(1, 1)), thrice.jacobian(*torch.zeros(2, 1, 1))
        (tensor([[8.]], dtype=torch.float64), tensor([[[8.]]], dtype=torch.float64))
        >>> thrice.orbit(torch.ones(1), torch.zeros(1)).flatten().tolist()
        [1.0, 2.0, 4.0]
    """

    once: Map
    n_steps: int

    def __init__(self, network: Network, n_steps: int) -> None:
        once = as_map(network)
        names = ("state_size", "input_size", "parts", "is_smooth", "dtype", "device", "is_checked")
        known = {name: getattr(once, name) for name in names}
        known |= {"once": once, "n_steps": as_integer("n_steps", n_steps, low=1)}
        for name, value in (known | {"dt": once.dt * n_steps}).items():
            object.__setattr__(self, name, value)

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the states after all steps, ``(..., state_size)``."""
        for _ in range(self.n_steps):
            h = self.once(h, x)
        return h

    def to(self, dtype: torch.dtype) -> IteratedMap:
        """Return the same map in another dtype."""
        return IteratedMap(self.once.to(dtype), self.n_steps)

    def tried_on(self, h: Tensor, x: Tensor) -> IteratedMap:
        """Return this map after a try on a few states."""
        return IteratedMap(self.once.tried_on(h, x), self.n_steps)

    def orbit(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the states on the way, the first one included, ``(n_steps, ..., state_size)``."""
        states = [h]
        for _ in range(self.n_steps - 1):
            states.append(self.once(states[-1], x))
        return torch.stack(states)

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the Jacobian of all steps together, ``(..., state_size, state_size)``."""
        states = self.orbit(h, x)
        product = self.once.jacobian(states[0], x)
        for state in states[1:]:
            product = self.once.jacobian(state, x) @ product
        return product
