"""Pictures laid over a scene, and matplotlib figures turned into such pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkImageMapper

from pyrnn.render.layers import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image_actor(pixels: Array) -> Any:
    """Return pixels ``(height, width, 3 or 4)`` as an actor that lies flat on the window."""
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
    """Draw a matplotlib figure without pyplot and return its pixels, ``(height, width, 4)``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()
