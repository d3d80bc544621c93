"""Several scenes side by side: networks, regions, or conditions."""

from __future__ import annotations

from collections.abc import Sequence

from pyrnn.render._drawing import Drawing
from pyrnn.render.output import Output
from pyrnn.render.scene import Scene
from pyrnn.validate import as_list

__all__ = ["Panels"]


class Panels(Output):
    """Several scenes next to each other, in one window, page, picture or film.

    Args:
        scenes: The scenes, from left to right.

    Raises:
        TypeError: If something is not a scene.
        ValueError: If there is none.

    Example:
        >>> import torch
        >>> states = torch.randn(2, 4, 30, 6)
        >>> panels = Panels([Scene(states[0], title="before"), Scene(states[1], title="after")])
        >>> len(panels.drawings), "before · after" in panels.html()
        (2, True)
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        if isinstance(scenes, Scene):
            raise TypeError("expected a list of scenes, got one Scene; write Panels([scene])")
        self.scenes: list[Scene] = as_list(
            "scenes", scenes, "scenes", "write Panels([scene, scene])"
        )
        if not self.scenes:
            raise ValueError("expected at least one scene, got none; pass a list of scenes")
        strangers = [type(each).__name__ for each in self.scenes if not isinstance(each, Scene)]
        if strangers:
            raise TypeError(f"expected scenes, got {strangers[0]}; make a Scene of it first")

    @property
    def drawings(self) -> list[Drawing]:
        """What is shown, from left to right."""
        return [scene.drawing for scene in self.scenes]
