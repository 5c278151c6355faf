"""Documentation build: Sphinx, MyST Markdown, furo; no network.

What is made of the program and its tests is put into the pages by `support.documentation`.
"""

import sys
import tomllib
from pathlib import Path

_root = Path(__file__).parent.parent
_project = tomllib.loads((_root / "pyproject.toml").read_text())["project"]
sys.path.insert(0, str(_root / "tests"))

project = "sigfed"
author = "the sigfed authors"
release = _project["version"]
extensions = ["myst_parser", "support.documentation"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "sigfed"
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["sigfed.css"]
smartquotes_action = "qe"  # not the dashes of options
