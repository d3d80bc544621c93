"""Films of a scene that turns, or of trials that unfold in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from pyrnn.arrays import Array
from pyrnn.files import replacing
from pyrnn.progress import track
from pyrnn.render._camera import Pose, fit_camera
from pyrnn.render._drawing import Drawing
from pyrnn.render.gl._stage import Stage

__all__ = ["gif_delays", "write_film"]

_RATIO = 2  # pixels drawn for each pixel of the film, along each side
_MACROBLOCK = 16  # sides of a film are multiples of this


def write_film(
    drawings: Sequence[Drawing],
    path: Path,
    *,
    motion: str,
    seconds: float,
    fps: float,
    size: tuple[int, int],
    progress: bool = True,
) -> Path:
    """Draw a film of drawings side by side; see :meth:`~pyrnn.render.Scene.film`.

    Returns:
        The path.

    Raises:
        ImportError: If the path ends in ``.mp4`` and the tools for that are not installed.
        RuntimeError: If OpenGL does not work.

    Example:
        >>> from pyrnn.render import Scene, probe_opengl
        >>> drawing = Scene(np.random.default_rng(0).normal(size=(3, 20, 4))).drawing
        >>> path = getfixture("tmp_path") / "scene.gif"
        >>> options = {"motion": "trials", "seconds": 1.0, "fps": 2, "size": (64, 48)}
        >>> if probe_opengl().ok:
        ...     assert write_film([drawing], path, progress=False, **options) == path
    """
    is_gif = path.suffix.lower() == ".gif"
    open_writer = None if is_gif else _video_writer()  # before anything is drawn
    width, height = (_MACROBLOCK * max(1, round(side / _MACROBLOCK)) for side in size)
    n_frames = max(2, round(seconds * fps))
    with ExitStack() as opened:
        films = []
        for drawing in drawings:
            stage = Stage(drawing, (width, height), ratio=_RATIO, text=Stage.text_for(height))
            opened.callback(stage.close)
            films.append(_frames(stage, motion, n_frames))
        shown = track(range(n_frames), f"filming {path.name}", enabled=progress)
        frames = (np.concatenate([next(film) for film in films], axis=1) for _ in shown)
        with replacing(path) as partial:
            if open_writer is None:
                _write_gif(frames, partial, fps)
            else:
                _write_mp4(frames, open_writer(partial, fps=fps, codec="libx264", quality=8))
    return path


def _frames(stage: Stage, motion: str, n_frames: int) -> Iterator[Array]:
    """Yield the frames of a motion.

    Yields:
        One frame after the other, ``(height, width, 3)``.
    """
    last = stage.drawing.n_steps - 1
    poses = _turntable(stage, n_frames) if motion == "turntable" else []
    for frame in range(n_frames):
        if motion == "turntable":
            stage.pose(poses[frame])
        else:
            stage.set_step(round(frame / (n_frames - 1) * last))
        yield np.asarray(Image.fromarray(stage.pixels()).reduce(_RATIO))


def _turntable(stage: Stage, n_frames: int) -> list[Pose]:
    """Return cameras on a circle around the scene, all at the same distance."""
    width, height = stage.size
    box, toward = stage.drawing.box, stage.drawing.iso
    directions = [_turned(toward, 360 * frame / n_frames) for frame in range(n_frames)]
    fitted = [fit_camera(box, direction, width / height) for direction in directions]
    distance = max(np.linalg.norm(pose.position - pose.focus) for pose in fitted)
    middle = box.mean(axis=0)  # the focus stays there, so that the scene does not sway
    return [
        Pose(middle + distance * direction, middle, pose.up)
        for direction, pose in zip(directions, fitted, strict=True)
    ]


def _turned(direction: Array, degrees: float) -> Array:
    """Return a direction turned about the vertical."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y, z = direction
    return np.array([cos * x - sin * y, sin * x + cos * y, z])


def _write_gif(frames: Iterator[Array], path: Path, fps: float) -> None:
    """Write a GIF whose frames share one palette: the file is small, colors are steady."""
    images = [Image.fromarray(frame) for frame in frames]
    palette = images[len(images) // 2].quantize(128)
    first, *others = (
        image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images
    )
    delays = gif_delays(len(images), fps)
    first.save(path, save_all=True, append_images=others, duration=delays, loop=0)


def gif_delays(n_frames: int, fps: float) -> list[int]:
    """Return the duration of each frame in ms; in a GIF these are multiples of 10 ms.

    Example:
        >>> gif_delays(3, fps=15)
        [70, 60, 70]
    """
    ends = np.round(100 / fps * np.arange(n_frames + 1)).astype(int)
    delays: list[int] = (10 * np.diff(ends)).tolist()
    return delays


class _Writer(Protocol):
    def append_data(self, im: Array) -> None: ...


def _write_mp4(frames: Iterator[Array], opened: AbstractContextManager[_Writer]) -> None:
    with opened as writer:
        for frame in frames:
            writer.append_data(frame)


def _video_writer() -> Callable[..., AbstractContextManager[_Writer]]:
    """Return imageio's function that opens an MP4 file.

    Raises:
        ImportError: If imageio is not installed.
    """
    try:
        import_module("imageio_ffmpeg")
        writer: Callable[..., AbstractContextManager[_Writer]]
        writer = import_module("imageio.v2").get_writer
    except ImportError as error:
        raise ImportError(
            "expected imageio and imageio-ffmpeg for MP4 films, got none; "
            'pip install "pyrnn[video]", or write a .gif'
        ) from error
    return writer
