"""Draw one sphere and print what was seen: a script for a child that may crash."""

from __future__ import annotations

import json

__all__: list[str] = []


def _main() -> None:
    """Draw a sphere without a display; print the renderer and whether pixels changed."""
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (registers the OpenGL classes)
    from vtkmodules.vtkFiltersSources import vtkSphereSource
    from vtkmodules.vtkRenderingCore import (
        vtkActor,
        vtkPolyDataMapper,
        vtkRenderer,
        vtkRenderWindow,
        vtkWindowToImageFilter,
    )

    source, mapper, actor = vtkSphereSource(), vtkPolyDataMapper(), vtkActor()
    mapper.SetInputConnection(source.GetOutputPort())
    actor.SetMapper(mapper)
    renderer, window = vtkRenderer(), vtkRenderWindow()
    renderer.AddActor(actor)
    window.SetOffScreenRendering(1)
    window.SetSize(64, 64)
    window.AddRenderer(renderer)
    window.Render()
    grab = vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.Update()
    dark, bright = grab.GetOutput().GetScalarRange()  # needs no NumPy, which takes time to import
    capabilities = window.ReportCapabilities().splitlines()
    names = [line.split(":", 1)[1] for line in capabilities if "renderer string" in line]
    drawn = bright - dark > 1
    print(json.dumps({"drawn": drawn, "renderer": names[0].strip() if names else "unknown"}))
    window.Finalize()


if __name__ == "__main__":
    _main()
