"""Connectivity: named regions, who may talk to whom, and with which sign."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pyrnn.serialize import register

__all__ = ["Connectivity", "MultiRegion", "Region"]

CELLS = ("all", "excitatory", "inhibitory")


@register
@dataclass(frozen=True)
class Region:
    """A named group of units.

    Args:
        name: Its name.
        size: Number of units.
        dale_ratio: Share of excitatory units, in [0, 1]; these come first. ``None``: no Dale's
            law in this region.
        autapses: Whether its units may connect to themselves.
        density: Probability of a connection between two of its units.
        tonic: Constant current into each unit, which training leaves alone; it takes the place
            of the bias. ``None`` for none.
        start: Index of its first unit in the network; ``MultiRegion`` sets it.

    Raises:
        ValueError: For a size, ratio or density out of range.

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
        if self.size < 1:
            raise ValueError(f"expected a size of at least 1 in {self.name!r}, got {self.size}")
        for option in ("dale_ratio", "density"):
            value = getattr(self, option)
            if value is not None:
                _check_share(f"{option} of {self.name!r}", value)

    @property
    def units(self) -> slice:
        """Where its units are among those of the network."""
        return slice(self.start, self.start + self.size)

    @property
    def signs(self) -> Tensor:
        """Sign of each unit, ``(size,)``: 1, -1, or 0 without Dale's law."""
        if self.dale_ratio is None:
            return torch.zeros(self.size)
        return 1.0 - 2.0 * (torch.arange(self.size) >= round(self.dale_ratio * self.size))

    def of(self, states: Tensor) -> Tensor:
        """Return a view of its units: ``(..., size)`` of states ``(..., hidden_size)``."""
        return states[..., self.units]

    def cells(self, kind: str = "all") -> Tensor:
        """Return which of its units are of a kind, ``(size,)`` of bool.

        Args:
            kind: ``"all"``, ``"excitatory"`` or ``"inhibitory"``.

        Raises:
            ValueError: If the kind is unknown or the region has no such units.
        """
        if kind not in CELLS:
            raise ValueError(f"expected cells among {', '.join(CELLS)}, got {kind!r}")
        if kind == "all":
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
    """Masks of the layers and signs of the units: what ``connectivity=`` of a network takes.

    A mapping from names of layers to masks; ``MultiRegion.build`` makes one.

    Args:
        regions: The regions by name.
        w_in: Which input reaches which unit, ``(hidden_size, input_size)``; ``None``: all.
        w_rec: Which connections exist, ``(hidden_size, hidden_size)``, columns presynaptic.
        w_out: Which unit is read, ``(output_size, hidden_size)``; ``None``: all.

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
        members = self.regions.values()
        self.signs = torch.cat([region.signs for region in members])
        tonic = [torch.nan if region.tonic is None else region.tonic for region in members]
        sizes = torch.tensor([region.size for region in members])
        self.tonic = torch.tensor(tonic).repeat_interleave(sizes)

    @property
    def n_units(self) -> int:
        """Number of units of all regions: the ``hidden_size`` of a network."""
        return len(self.w_rec)

    def block(self, weight: Tensor, target: str, source: str) -> Tensor:
        """Return a view of the weights from one region to another, ``(target, source)``."""
        return weight[self.regions[target].units, self.regions[source].units]

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

    A region is connected to itself (see ``Region.density``) and to others where ``connect`` says
    so. All regions get all inputs and are read, unless ``input`` or ``output`` name some. Every
    draw depends on the seed and on the names at its ends alone: adding a projection changes no
    other.

    Args:
        *regions: The regions, in the order of their units.
        seed: Seed of the random connections.

    Raises:
        ValueError: If there is none, or two have the same name.

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
        names = [region.name for region in regions]
        if len(set(names)) < len(names):
            raise ValueError(f"expected regions of different names, got {names}")
        self.regions: dict[str, Region] = {}
        self.seed = seed
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
        """Let one region project to another.

        Args:
            source: Presynaptic region.
            target: Postsynaptic region.
            probability: Probability of each connection.
            source_cells: Which units send: ``all``, ``excitatory`` or ``inhibitory``.
            target_cells: Which units receive, by the same names.

        Returns:
            Itself, so that calls can be chained.

        Raises:
            ValueError: If a region is unknown or has no such cells, if both are the same (that's
                ``Region.density``), or for a probability outside [0, 1].
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
        """Let input channels, all by default, reach a region; return itself."""
        self._inputs.append((self._units(region, cells), channels))
        return self

    def output(
        self, region: str, channels: Sequence[int] | None = None, *, cells: str = "all"
    ) -> MultiRegion:
        """Let output channels, all by default, read a region; return itself."""
        self._outputs.append((self._units(region, cells), channels))
        return self

    def build(self, input_size: int, output_size: int) -> Connectivity:
        """Return the masks of a network.

        Args:
            input_size: Number of its input channels.
            output_size: Number of its output channels.

        Raises:
            ValueError: If an input or output has a channel that doesn't exist.
        """
        w_in = _channel_mask("input", self._inputs, input_size)
        w_out = _channel_mask("output", self._outputs, output_size)
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
        _check_share("probability", probability)
        seed = zlib.crc32(f"{self.seed} {key}".encode())
        rng = torch.Generator().manual_seed(seed)
        return torch.rand(shape, generator=rng, dtype=torch.float64) < probability


def _channel_mask(
    what: str, ends: list[tuple[Tensor, Sequence[int] | None]], n_channels: int
) -> Tensor | None:
    """Return which unit meets which channel, ``(hidden_size, n_channels)``."""
    if not ends:
        return None
    mask = torch.zeros(len(ends[0][0]), n_channels, dtype=torch.bool)
    for units, channels in ends:
        for channel in range(n_channels) if channels is None else channels:
            if not 0 <= channel < n_channels:
                raise ValueError(f"expected {what} channels in 0..{n_channels - 1}, got {channel}")
            mask[:, channel] |= units
    return mask


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"expected {name} in [0, 1], got {value}")
