"""How the documentation is built: ``sphinx-build -W -b html docs build/docs``."""

# Sphinx runs it from the folder, which is no package.
# ruff: noqa: INP001

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from oci_twisted import __version__

project = "oci-twisted"
author = "the authors of oci-twisted"
release = __version__

extensions = ["myst_parser", "reference_tables"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["NOTE.txt", "_generated"]

html_theme = "furo"
html_title = f"oci-twisted {release}"
html_copy_source = False
html_show_copyright = False
