"""How Sphinx builds the documentation: ``make docs`` writes docs/_build/html."""

import sys
import warnings
from pathlib import Path

import pyrnn

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import groups

project = "pyrnn"
author = "The pyrnn developers"
copyright = f"2026, {author}"
release = version = pyrnn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "steps",
]
exclude_patterns = ["_build", "**/sg_execution_times.rst", "sg_execution_times.rst"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
suppress_warnings = ["config.cache"]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "description"  # types stand with the arguments; signatures stay short
autodoc_typehints_description_target = "documented"
autodoc_type_aliases = {  # the first six are kinds of arguments of tasks
    "Count": "int",
    "Positive": "float",
    "NonNegative": "float",
    "FixedDuration": "float",
    "Duration": "Duration",
    "PositiveDuration": "Duration",
    "ArrayLike": "ArrayLike",
}
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Shapes", "notes_style"), ("Subclassing", "notes_style")]

templates_path = ["_templates"]
autosummary_ignore_module_all = False
autosummary_imported_members = True
autosummary_context = {"grouped": groups.grouped}

html_theme = "furo"
html_title = f"pyrnn {release}"
html_static_path = ["_static"]
html_css_files = ["pyrnn.css"]
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072B2", "color-brand-content": "#0072B2"},
    "dark_css_variables": {"color-brand-primary": "#56B4E9", "color-brand-content": "#56B4E9"},
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"^(?!.*neurogym).*\.py$",  # NeuroGym needs an environment of its own
    "within_subsection_order": "reading_order.reading_order",
    "image_scrapers": ("figures.scrape", "scenes.scrape"),
    "capture_repr": (),
    "download_all_examples": True,
    "min_reported_time": 1e6,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "remove_config_comments": True,
    "parallel": 2,
    "nested_sections": False,
}

warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
