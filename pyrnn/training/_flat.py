"""Many parameters in one buffer, so that clipping and updating take one call each."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["Flat", "flatten"]


class Flat:
    """Parameters side by side in one tensor, as views of it; so are their gradients.

    A single parameter stays where it is.

    Args:
        parameters: Parameters of one dtype and on one device.

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
        >>> layer.bias.data = torch.ones(2)  # a callback may replace it
        >>> flat.attach()
        >>> flat.whole.tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
        >>> layer.weight.requires_grad_(False)  # or freeze it
        Parameter containing:
        tensor([[0., 0., 0.],
                [0., 0., 0.]])
        >>> flat.attach()
        >>> flat.whole.data += 1  # an optimizer with momentum changes frozen parameters, too
        >>> flat.hold()
        >>> flat.whole.tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]
        >>> flat.release()
        >>> layer.bias.data_ptr() == flat.whole[6:].data_ptr()
        False
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        if len(self.parameters) == 1:
            self.whole = self.parameters[0]
        else:
            self.whole = nn.Parameter(torch.cat([p.detach().flatten() for p in self.parameters]))
        self.gradient = self.whole.grad = torch.zeros_like(self.whole)
        self._held: list[tuple[Tensor, Tensor]] = []
        self.attach()

    def attach(self) -> None:
        """Make replaced parameters views again, and remember the values of frozen ones."""
        self._held = []
        for p, values, gradient in self._parts():
            if p.data_ptr() != values.data_ptr():
                values.copy_(p.detach())
                p.data = values
            p.grad = gradient if p.requires_grad else None
            if not p.requires_grad:
                self._held.append((values, values.clone()))

    def hold(self) -> None:
        """Restore the values of frozen parameters, which an optimizer's momentum has changed."""
        for values, held in self._held:
            values.copy_(held)

    def release(self) -> None:
        """Give every parameter memory of its own again, and remove the gradients."""
        for p in self.parameters:
            p.grad = None
            if p is not self.whole:
                p.data = p.detach().clone()

    def _parts(self) -> list[tuple[nn.Parameter, Tensor, Tensor]]:
        """Return each parameter, and the views of the values and of the gradient that are its."""
        if self.whole is self.parameters[0]:
            return [(self.whole, self.whole.detach(), self.gradient)]
        sizes = [p.numel() for p in self.parameters]
        views = zip(self.whole.detach().split(sizes), self.gradient.split(sizes), strict=True)
        return [
            (p, values.view_as(p), gradient.view_as(p))
            for p, (values, gradient) in zip(self.parameters, views, strict=True)
        ]


def flatten(parameters: Iterable[nn.Parameter], *, is_joint: bool = True) -> list[Flat]:
    """Return parameters side by side, with a buffer for each dtype and device.

    Args:
        parameters: The parameters.
        is_joint: Whether they may move. If not, each of them stays where it is.

    Example:
        >>> len(flatten(nn.Linear(3, 2).parameters()))
        1
        >>> len(flatten(nn.Linear(3, 2).parameters(), is_joint=False))
        2
    """
    if not is_joint:
        return [Flat([p]) for p in parameters]
    kinds: dict[tuple[torch.dtype, torch.device], list[nn.Parameter]] = {}
    for p in parameters:
        kinds.setdefault((p.dtype, p.device), []).append(p)
    return [Flat(group) for group in kinds.values()]
