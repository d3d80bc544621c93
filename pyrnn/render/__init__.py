"""Interactive 3D scenes: a window, a picture, a film, or a web page that works offline."""

from .opengl import OpenGL, probe_opengl
from .scene import Scene

__all__ = ["OpenGL", "Scene", "probe_opengl"]
