"""Drawing with OpenGL through VTK and vedo: windows, pictures and films."""

__all__: list[str] = []  # scenes draw; users call ``Scene``
