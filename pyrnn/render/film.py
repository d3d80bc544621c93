"""Write films: the scene turning, or the trials unfolding in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pyrnn.files import replacing
from pyrnn.progress import track
from pyrnn.render.camera import Pose, fit_camera
from pyrnn.render.layers import Array, Drawing
from pyrnn.render.stage import Stage

MOTIONS = ("turntable", "trials")
RATIO = 2  # pixels drawn for each pixel written, along each side
MACROBLOCK = 16  # sides of a film are multiples of this


def write_film(
    drawings: Sequence[Drawing],
    path: Path,
    motion: str,
    seconds: float,
    fps: int,
    size: tuple[int, int],
    progress: bool = True,
) -> Path:
    """Draw a film of drawings side by side; see :meth:`~pyrnn.render.Scene.film`."""
    _check(motion, seconds, fps)
    is_gif = path.suffix.lower() == ".gif"
    if not is_gif:
        _video_tools()  # before anything is drawn
    width, height = (MACROBLOCK * max(1, round(side / MACROBLOCK)) for side in size)
    n_frames = max(2, round(seconds * fps))
    with ExitStack() as opened:
        films = []
        for drawing in drawings:
            stage = Stage(drawing, (width, height), ratio=RATIO, text=Stage.text_for(height))
            opened.callback(stage.close)
            films.append(_frames(stage, motion, n_frames))
        shown = track(range(n_frames), f"filming {path.name}", enabled=progress)
        frames = (np.concatenate([next(film) for film in films], axis=1) for _ in shown)
        with replacing(path) as partial:
            (_write_gif if is_gif else _write_mp4)(frames, partial, fps)
    return path


def _check(motion: str, seconds: float, fps: int) -> None:
    if motion not in MOTIONS:
        raise ValueError(f"expected motion 'turntable' or 'trials', got {motion!r}; choose one")
    if not (0 < seconds < np.inf and 0 < fps < np.inf):
        raise ValueError(
            f"expected a positive duration and frame rate, got seconds={seconds} and fps={fps}; "
            "6 seconds of 15 frames each suit most scenes"
        )


def _frames(stage: Stage, motion: str, n_frames: int) -> Iterator[Array]:
    """Yield the frames of a motion, ``(height, width, 3)`` each."""
    last = stage.drawing.n_steps - 1
    poses = _turntable(stage, n_frames) if motion == "turntable" else []
    for frame in range(n_frames):
        if motion == "turntable":
            stage.pose(poses[frame])
        else:
            stage.set_step(round(frame / (n_frames - 1) * last))
        yield np.asarray(Image.fromarray(stage.pixels()).reduce(RATIO))


def _turntable(stage: Stage, n_frames: int) -> list[Pose]:
    """Return cameras on a circle around the scene, at a distance that suits all of them."""
    width, height = stage.size
    box, toward = stage.drawing.box, stage.drawing.iso
    directions = [_turned(toward, 360 * frame / n_frames) for frame in range(n_frames)]
    fitted = [fit_camera(box, direction, width / height) for direction in directions]
    distance = max(np.linalg.norm(pose.position - pose.focus) for pose in fitted)
    middle = box.mean(axis=0)  # held still, so that the scene turns and does not sway
    return [
        Pose(middle + distance * direction, middle, pose.up)
        for direction, pose in zip(directions, fitted, strict=True)
    ]


def _turned(direction: Array, degrees: float) -> Array:
    """Turn a direction about the vertical."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y, z = direction
    return np.array([cos * x - sin * y, sin * x + cos * y, z])


def _write_gif(frames: Iterator[Array], path: Path, fps: int) -> None:
    """Write a GIF whose frames share one palette, which keeps it small and steady."""
    images = [Image.fromarray(frame) for frame in frames]
    palette = images[len(images) // 2].quantize(128)
    first, *others = (
        image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images
    )
    first.save(path, save_all=True, append_images=others, duration=round(1000 / fps), loop=0)


def _write_mp4(frames: Iterator[Array], path: Path, fps: int) -> None:
    """Write an MP4 in the codec that every player knows."""
    writer = _video_tools().get_writer(path, fps=fps, codec="libx264", quality=8)
    with writer:
        for frame in frames:
            writer.append_data(frame)


def _video_tools() -> Any:
    """Return imageio, or say what to install."""
    try:
        import_module("imageio_ffmpeg")
        return import_module("imageio.v2")
    except ImportError as error:
        raise ImportError(
            "expected imageio and imageio-ffmpeg for MP4 films, got none; "
            'pip install "pyrnn[video]", or write a .gif'
        ) from error
