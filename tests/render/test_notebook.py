"""A scene at the end of a notebook's cell, in the page that nbconvert makes of it."""

from __future__ import annotations

import pytest

from pyrnn.palette import GREEN

from .test_picture import share_of

CODE = """
import sys; sys.path.insert(0, {root!r})
from pyrnn.render import Scene
from tests.render import scenes
Scene(scenes.trials(6, 40), scenes.points(), title="in a notebook")
"""


@pytest.mark.render
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Jupyter
def test_scene_is_alive_in_an_exported_notebook(browser, tmp_path, pytestconfig):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    nbconvert = pytest.importorskip("nbconvert")
    pytest.importorskip("ipykernel")
    cell = nbformat.v4.new_code_cell(CODE.format(root=str(pytestconfig.rootpath)))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(notebook, timeout=120).execute(cwd=str(tmp_path))
    document, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    path = tmp_path / "notebook.html"
    path.write_text(document, encoding="utf-8")

    frame = "document.querySelector('iframe')?.contentDocument?.querySelector('main[data-drawn]')"
    browser.open(path, ready=frame)
    browser.js("document.querySelector('iframe').scrollIntoView()")
    assert browser.js("document.querySelector('iframe').contentWindow.pyrnn.viewers.length") == 1
    assert share_of(browser.screenshot(), GREEN) > 1e-4
