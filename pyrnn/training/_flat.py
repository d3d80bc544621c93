"""Flat: many parameters in one buffer, so that clipping and updating take one call each."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["Flat", "flatten"]


class Flat:
    """Parameters side by side in one, of which they become views; so do their gradients.

    Args:
        parameters: Of one dtype and on one device.

    Attributes:
        whole: All of them, ``(n,)``, with their gradients as its gradient.

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> flat = Flat(layer.parameters())
        >>> flat.whole.data.zero_()
        tensor([0., 0., 0., 0., 0., 0., 0., 0.])
        >>> layer.bias
        Parameter containing:
        tensor([0., 0.], requires_grad=True)
        >>> layer.bias.data = torch.ones(2)  # somebody replaces it
        >>> flat.attach()
        >>> flat.whole.tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
        >>> layer.weight.requires_grad_(False)  # somebody freezes it
        Parameter containing:
        tensor([[0., 0., 0.],
                [0., 0., 0.]])
        >>> flat.attach()
        >>> flat.whole.data += 1  # what momentum may do
        >>> flat.hold()
        >>> flat.whole.tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]
        >>> flat.release()
        >>> layer.bias.data_ptr() == flat.whole[6:].data_ptr()
        False
    """

    def __init__(self, parameters: Iterable[nn.Parameter]):
        self.parameters = list(parameters)
        self.whole = nn.Parameter(torch.cat([p.detach().flatten() for p in self.parameters]))
        self.gradient = self.whole.grad = torch.zeros_like(self.whole)
        self._held: list[tuple[Tensor, Tensor]] = []
        self.attach()

    def attach(self) -> None:
        """Make views of what somebody has replaced; hold what was frozen at its value."""
        sizes = [p.numel() for p in self.parameters]
        parts = zip(
            self.parameters,
            self.whole.detach().split(sizes),
            self.gradient.split(sizes),
            strict=True,
        )
        self._held = []
        for p, values, gradient in parts:
            if p.data_ptr() != values.data_ptr():
                values.copy_(p.detach().flatten())
                p.data = values.view_as(p)
            p.grad = gradient.view_as(p) if p.requires_grad else None
            if not p.requires_grad:
                self._held.append((values, values.clone()))

    def hold(self) -> None:
        """Undo what momentum did to frozen parameters."""
        for values, held in self._held:
            values.copy_(held)

    def release(self) -> None:
        """Give every parameter memory of its own again."""
        for p in self.parameters:
            p.data, p.grad = p.detach().clone(), None


def flatten(parameters: Iterable[nn.Parameter]) -> list[Flat]:
    """Return parameters side by side, those of each dtype and device in a buffer of their own.

    Example:
        >>> len(flatten(nn.Linear(3, 2).parameters()))
        1
    """
    kinds: dict[tuple[torch.dtype, torch.device], list[nn.Parameter]] = {}
    for p in parameters:
        kinds.setdefault((p.dtype, p.device), []).append(p)
    return [Flat(group) for group in kinds.values()]
