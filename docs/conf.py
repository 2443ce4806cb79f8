"""The site: `make docs` builds docs/_build/html from these pages; warnings are errors."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))
sys.path.insert(0, str(HERE.parent))

import noisyseg  # noqa: E402 (found by the line above)

project = "noisyseg"
author = "The noisyseg authors"
copyright = author
version = release = noisyseg.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "external_links",
    "mathml",
    "notebooks",
    "site_links",
]
exclude_patterns = ["_build", "extensions", "noise-types/README.md"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
# Links to a heading, as GitHub names it, down to this level.
myst_heading_anchors = 4
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# A name between single backticks is code in docstrings, too.
default_role = "code"
add_module_names = False
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"noisyseg {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"
# Where `../file` leads: what lies outside of this folder is read in the repository.
repository = "https://github.com/noisyseg/noisyseg"
# Pages whose text is a file of the repository's.
borrowed_pages = {
    name: HERE.parent / file
    for name, file in {
        "contributing": "CONTRIBUTING.md",
        "changelog": "CHANGELOG.md",
        "security": "SECURITY.md",
    }.items()
    if (HERE.parent / file).exists()
}
