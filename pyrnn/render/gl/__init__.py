"""Drawing with OpenGL through VTK and vedo: windows, pictures and films."""
