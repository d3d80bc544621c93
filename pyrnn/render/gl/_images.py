"""Pictures that lie flat on a window; those of matplotlib figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkImageMapper

from pyrnn.arrays import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure_pixels", "image_actor"]


def image_actor(pixels: Array) -> vtkActor2D:
    """Return an actor that shows pixels ``(height, width, 3 or 4)``.

    Example:
        >>> actor = image_actor(np.zeros((20, 30, 3), np.uint8))
        >>> actor.GetMapper().GetInput().GetDimensions()
        (30, 20, 1)
    """
    height, width, channels = pixels.shape
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    flat = np.ascontiguousarray(pixels[::-1].reshape(-1, channels))
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=1))
    mapper = vtkImageMapper()
    mapper.SetInputData(image)
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    actor = vtkActor2D()
    actor.SetMapper(mapper)
    return actor


def figure_pixels(figure: Figure) -> Array:
    """Return the pixels ``(height, width, 4)`` of a figure, drawn without pyplot.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure_pixels(Figure(figsize=(3, 2), dpi=100)).shape
        (200, 300, 4)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()
