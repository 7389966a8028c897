"""The documentation site: ``make docs`` builds it into build/docs/html, to be opened from disk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bmseg import __version__

project = "bmseg"
author = "the authors of bmseg"
copyright = f"{author}; Apache-2.0"
version = release = __version__
extensions = [
    "myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design",
    "docs.extensions.site",
]  # fmt: skip
exclude_patterns = ["_build", "extensions"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# Commands are shown as they are typed: -- is no dash.
smartquotes = False

autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = "bmseg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
# Opened from disk a page may not read its neighbours.
html_show_search_summary = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_exclude = ".linenos, .gp, .go"
