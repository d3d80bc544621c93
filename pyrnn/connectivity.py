"""Connectivity: named regions, the connections between them, and their signs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pyrnn.serialize import register
from pyrnn.validate import as_boolean, as_choice, as_integer, as_number, as_seed

__all__ = ["Connectivity", "MultiRegion", "Region"]

_CELLS = ("all", "excitatory", "inhibitory")


@register
@dataclass(frozen=True)
class Region:
    """A named group of units.

    Args:
        name: Its name.
        size: Number of units.
        dale_ratio: Share of excitatory units, in [0, 1]; these come first. ``None`` for no Dale's
            law in this region.
        autapses: Whether its units may connect to themselves.
        density: Probability of a connection between two of its units.
        tonic: Constant current into each unit, which is the bias and does not learn. ``None`` for
            none.
        start: Index of its first unit in the network; ``MultiRegion`` sets it.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If a size, ratio or density is out of range.

    Example:
        >>> cortex = Region("cortex", 5, dale_ratio=0.8, start=2)
        >>> cortex.of(torch.arange(10)).tolist(), cortex.units
        ([2, 3, 4, 5, 6], slice(2, 7, None))
        >>> cortex.signs.tolist(), cortex.cells("inhibitory").sum().item()
        ([1.0, 1.0, 1.0, 1.0, -1.0], 1)
    """

    name: str
    size: int
    dale_ratio: float | None = None
    autapses: bool = True
    density: float = 1.0
    tonic: float | None = None
    start: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"expected the name of a Region as text, got {self.name!r}")
        of = f" of region {self.name!r}"
        checked: dict[str, object] = {
            "size": as_integer("size" + of, self.size, low=1),
            "autapses": as_boolean("autapses" + of, self.autapses),
            "density": as_number("density" + of, self.density, low=0, high=1),
            "start": as_integer("start" + of, self.start, low=0),
        }
        if self.dale_ratio is not None:
            checked["dale_ratio"] = as_number("dale_ratio" + of, self.dale_ratio, low=0, high=1)
        if self.tonic is not None:
            checked["tonic"] = as_number("tonic" + of, self.tonic)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def units(self) -> slice:
        """Indices of its units in the network."""
        return slice(self.start, self.start + self.size)

    @property
    def signs(self) -> Tensor:
        """Sign of each unit, ``(size,)``: 1, -1, or 0 without Dale's law."""
        if self.dale_ratio is None:
            return torch.zeros(self.size)
        return 1.0 - 2.0 * (torch.arange(self.size) >= round(self.dale_ratio * self.size))

    def of(self, states: Tensor) -> Tensor:
        """Return a view of its units, ``(..., size)``.

        Args:
            states: States of the network, ``(..., hidden_size)``.
        """
        return states[..., self.units]

    def cells(self, kind: str = "all") -> Tensor:
        """Return which of its units are of a kind, ``(size,)``, booleans.

        Args:
            kind: ``"all"``, ``"excitatory"`` or ``"inhibitory"``.

        Raises:
            ValueError: If the kind is unknown or the region has no such units.
        """
        if as_choice("the kind of cells", kind, _CELLS) == "all":
            return torch.ones(self.size, dtype=torch.bool)
        found = self.signs > 0 if kind == "excitatory" else self.signs < 0
        if not found.any():
            raise ValueError(
                f"expected {kind} units in {self.name!r}, got none with "
                f"dale_ratio={self.dale_ratio}"
            )
        return found


@register
class Connectivity(Mapping[str, Tensor]):
    """Masks of the layers and signs of the units, for ``connectivity=`` of a network.

    It is a mapping from names of layers to masks. ``MultiRegion.build`` makes one.

    Args:
        regions: The regions by name.
        w_in: Which input reaches which unit, ``(hidden_size, input_size)``; ``None`` for all.
        w_rec: Which connections exist, ``(hidden_size, hidden_size)``, columns presynaptic.
        w_out: Which unit is read, ``(output_size, hidden_size)``; ``None`` for all.

    Raises:
        TypeError: If a region or a mask is of the wrong kind.
        ValueError: If a mask does not fit the sizes of the regions.

    Attributes:
        signs: Sign of each unit, ``(hidden_size,)``: 1, -1, or 0 for either.
        tonic: Tonic current into each unit, ``(hidden_size,)``; NaN where there is none.

    Example:
        >>> brain = MultiRegion(Region("thalamus", 1, dale_ratio=1.0), Region("cortex", 1))
        >>> connectivity = brain.connect("thalamus", "cortex").build(1, 1)
        >>> connectivity["w_rec"].tolist(), connectivity.signs.tolist()
        ([[True, False], [True, True]], [1.0, 0.0])
        >>> weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> connectivity.n_units, connectivity.block(weight, "cortex", "thalamus").tolist()
        (2, [[3.0]])
    """

    def __init__(
        self,
        regions: Mapping[str, Region],
        w_in: Tensor | None,
        w_rec: Tensor,
        w_out: Tensor | None,
    ) -> None:
        self.regions = dict(regions)
        self.w_in, self.w_rec, self.w_out = w_in, w_rec, w_out
        self._check()
        members = self.regions.values()
        self.signs = torch.cat([region.signs for region in members])
        tonic = [torch.nan if region.tonic is None else region.tonic for region in members]
        sizes = torch.tensor([region.size for region in members])
        self.tonic = torch.tensor(tonic).repeat_interleave(sizes)

    @property
    def n_units(self) -> int:
        """Number of units of all regions, for the ``hidden_size`` of a network."""
        return len(self.w_rec)

    def block(self, weight: Tensor, target: str, source: str) -> Tensor:
        """Return a view of the weights from one region to another.

        Args:
            weight: Recurrent weights, ``(hidden_size, hidden_size)``.
            target: Name of the postsynaptic region.
            source: Name of the presynaptic region.
        """
        return weight[self.regions[target].units, self.regions[source].units]

    def _check(self) -> None:
        for region in self.regions.values():
            if not isinstance(region, Region):
                raise TypeError(f"expected every region as a Region, got {type(region).__name__}")
        n = sum(region.size for region in self.regions.values())
        fits = {
            "w_in": self.w_in is None or self.w_in.shape[:1] == (n,),
            "w_rec": self.w_rec.shape == (n, n),
            "w_out": self.w_out is None or self.w_out.shape[1:] == (n,),
        }
        for name, does_fit in fits.items():
            if not does_fit:
                raise ValueError(
                    f"expected a mask of {name} for the {n} units of the regions, got shape "
                    f"{tuple(getattr(self, name).shape)}"
                )

    def __getitem__(self, layer: str) -> Tensor:
        mask = {"w_in": self.w_in, "w_rec": self.w_rec, "w_out": self.w_out}[layer]
        if mask is None:
            raise KeyError(layer)
        return mask

    def __iter__(self) -> Iterator[str]:
        masks = {"w_in": self.w_in, "w_rec": self.w_rec, "w_out": self.w_out}
        return (name for name, mask in masks.items() if mask is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class MultiRegion:
    """Regions and the projections between them.

    The units of a region are connected with each other, see ``Region.density``; ``connect`` adds
    connections between regions. All regions get all inputs and are read, unless ``input`` or
    ``output`` name some. The connections of a projection depend only on the seed and on the names
    of its two regions, so that another projection does not change them.

    Args:
        *regions: The regions, in the order of their units.
        seed: Seed of the random connections.

    Raises:
        TypeError: If a region or the seed is of the wrong kind.
        ValueError: If there is no region, or two have the same name.

    Example:
        >>> from pyrnn import CTRNN
        >>> brain = MultiRegion(Region("thalamus", 10, dale_ratio=1.0), Region("cortex", 40))
        >>> brain = brain.connect("thalamus", "cortex", 0.5).input("thalamus").output("cortex")
        >>> connectivity = brain.build(input_size=3, output_size=2)
        >>> rnn = CTRNN(3, connectivity.n_units, 2, connectivity=connectivity)
        >>> connectivity.regions["cortex"].of(rnn.predict(torch.zeros(5, 20, 3)).states).shape
        torch.Size([5, 20, 40])
        >>> connectivity.block(rnn.w_rec.weight, "thalamus", "cortex").any().item()
        False
    """

    def __init__(self, *regions: Region, seed: int = 0) -> None:
        if not regions:
            raise ValueError("expected at least one Region, got none")
        for region in regions:
            if not isinstance(region, Region):
                raise TypeError(f"expected every region as a Region, got {type(region).__name__}")
        names = [region.name for region in regions]
        if len(set(names)) < len(names):
            raise ValueError(f"expected regions of different names, got {names}")
        self.regions: dict[str, Region] = {}
        self.seed = as_seed("seed", seed)
        self.n_units = 0
        for region in regions:
            self.regions[region.name] = replace(region, start=self.n_units)
            self.n_units += region.size
        self._mask = torch.zeros(self.n_units, self.n_units, dtype=torch.bool)
        self._inputs: list[tuple[Tensor, Sequence[int] | None]] = []
        self._outputs: list[tuple[Tensor, Sequence[int] | None]] = []
        for region in self.regions.values():
            block = self._draw(f"within {region.name}", (region.size, region.size), region.density)
            if not region.autapses:
                block.fill_diagonal_(False)
            self._mask[region.units, region.units] = block

    def connect(
        self,
        source: str,
        target: str,
        probability: float = 1.0,
        *,
        source_cells: str = "all",
        target_cells: str = "all",
    ) -> MultiRegion:
        """Add a projection from one region to another.

        Args:
            source: Name of the presynaptic region.
            target: Name of the postsynaptic region.
            probability: Probability of each connection.
            source_cells: Which units send: ``all``, ``excitatory`` or ``inhibitory``.
            target_cells: Which units receive: ``all``, ``excitatory`` or ``inhibitory``.

        Returns:
            Itself, so that calls can be chained.

        Raises:
            ValueError: If both regions are the same. Connections within a region are those of
                ``Region(density=...)``.
        """
        pre, post = self._region(source), self._region(target)
        if source == target:
            raise ValueError(
                f"expected two different regions, got {source!r} twice; a region's own "
                "connections are those of Region(density=...)"
            )
        key = f"{source} {source_cells} to {target} {target_cells}"
        drawn = self._draw(key, (post.size, pre.size), probability)
        ends = post.cells(target_cells)[:, None] & pre.cells(source_cells)
        self._mask[post.units, pre.units] |= drawn & ends
        return self

    def input(
        self, region: str, channels: Sequence[int] | None = None, *, cells: str = "all"
    ) -> MultiRegion:
        """Send input channels to a region.

        Args:
            region: Name of the region.
            channels: Indices of the channels; all by default.
            cells: Which units receive them: ``all``, ``excitatory`` or ``inhibitory``.

        Returns:
            Itself, so that calls can be chained.
        """
        self._inputs.append((self._units(region, cells), _checked_channels(channels)))
        return self

    def output(
        self, region: str, channels: Sequence[int] | None = None, *, cells: str = "all"
    ) -> MultiRegion:
        """Read output channels from a region.

        Args:
            region: Name of the region.
            channels: Indices of the channels; all by default.
            cells: Which units are read: ``all``, ``excitatory`` or ``inhibitory``.

        Returns:
            Itself, so that calls can be chained.
        """
        self._outputs.append((self._units(region, cells), _checked_channels(channels)))
        return self

    def build(self, input_size: int, output_size: int) -> Connectivity:
        """Return the masks of a network. Channels that do not exist are refused.

        Args:
            input_size: Number of its input channels.
            output_size: Number of its output channels.
        """
        n_in = as_integer("input_size", input_size, low=1)
        n_out = as_integer("output_size", output_size, low=1)
        w_in = _channel_mask("input", self._inputs, n_in)
        w_out = _channel_mask("output", self._outputs, n_out)
        w_out = None if w_out is None else w_out.mT
        return Connectivity(self.regions, w_in, self._mask.clone(), w_out)

    def _region(self, name: str) -> Region:
        if name not in self.regions:
            raise ValueError(f"expected a region among {', '.join(self.regions)}, got {name!r}")
        return self.regions[name]

    def _units(self, name: str, cells: str) -> Tensor:
        region = self._region(name)
        units = torch.zeros(self.n_units, dtype=torch.bool)
        units[region.units] = region.cells(cells)
        return units

    def _draw(self, key: str, shape: tuple[int, int], probability: float) -> Tensor:
        probability = as_number("probability", probability, low=0, high=1)
        seed = zlib.crc32(f"{self.seed} {key}".encode())
        rng = torch.Generator().manual_seed(seed)
        return torch.rand(shape, generator=rng, dtype=torch.float64) < probability


def _channel_mask(
    what: str, ends: list[tuple[Tensor, Sequence[int] | None]], n_channels: int
) -> Tensor | None:
    # (hidden_size, n_channels)
    if not ends:
        return None
    mask = torch.zeros(len(ends[0][0]), n_channels, dtype=torch.bool)
    for units, channels in ends:
        for channel in range(n_channels) if channels is None else channels:
            if not 0 <= channel < n_channels:
                raise ValueError(f"expected {what} channels in 0..{n_channels - 1}, got {channel}")
            mask[:, channel] |= units
    return mask


def _checked_channels(channels: Sequence[int] | None) -> list[int] | None:
    if channels is None:
        return None
    if isinstance(channels, (str, int)):
        raise TypeError(f"expected channels as a list of indices, got {channels!r}")
    return [as_integer("every channel", channel) for channel in channels]
