"""Interactive 3D scenes: windows, pictures, films, web pages that work offline."""

from pyrnn.render.gl._opengl import OpenGL, probe_opengl
from pyrnn.render.output import Output
from pyrnn.render.panels import Panels
from pyrnn.render.population import PopulationPage
from pyrnn.render.scene import Scene

__all__ = ["OpenGL", "Output", "Panels", "PopulationPage", "Scene", "probe_opengl"]
