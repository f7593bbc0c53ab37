"""How the site is built from the pages: `make docs`.

The pages are written to be read where they lie, so the site takes them as they are, links included.
Its navigation is `docs/README.md`: each section there with the pages it links to.
"""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "helenus"
author = "the helenus authors"
release = version = version_of("helenus")

root_doc = "docs/README"
include_patterns = ["docs/**", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
exclude_patterns = ["docs/_*/**"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]

myst_heading_anchors = 4
myst_fence_as_directive: list[str] = []
myst_links_external_new_tab = False
highlight_language = "none"  # of blocks that name no language

default_role = "literal"  # what docstrings put into single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

templates_path = ["_site"]
html_theme = "furo"
html_title = "helenus"
html_additional_pages = {"index": "index.html"}
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

_SECTION = re.compile(r"^## +(.+)$", re.MULTILINE)
_PAGE = re.compile(r"\[([^]]+)\]\(([^)#:]+\.md)(?:#[^)]*)?\)")


def complete(app: Sphinx, name: str, source: list[str]) -> None:
    """Add what only the site has: its navigation, and the docstrings to the public names."""
    if name == root_doc:
        source[0] += _navigation(source[0])
    elif name == "docs/api":
        source[0] = _with_docstrings(source[0])


def _navigation(text: str) -> str:
    """A table of contents for each section that links to pages."""
    trees = ""
    parts = _SECTION.split(text)
    for heading, section in zip(parts[1::2], parts[2::2], strict=True):
        if pages := [f"{title} <{page}>" for title, page in _PAGE.findall(section)]:
            lines = ["```{toctree}", ":hidden:", f":caption: {heading}", "", *pages, "```"]
            trees += "\n\n" + "\n".join(lines)
    return trees


def _with_docstrings(text: str) -> str:
    """Each section followed by what autodoc makes of its module."""
    parts = _SECTION.split(text)
    for place in range(1, len(parts), 2):
        module = parts[place]
        directive = f".. automodule:: {module}\n   :members:"
        docstrings = f"\n```{{eval-rst}}\n{directive}\n```\n\n"
        parts[place : place + 2] = [f"## {module}\n", parts[place + 1] + docstrings]
    return "".join(parts)


def literal_blocks(_app: Sphinx, *arguments: Any) -> None:
    """Read an indented paragraph of a docstring as code, as people do."""
    lines: list[str] = arguments[-1]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    previous, result = 0, list[str]()
    for number, line in enumerate(lines):
        if line and number and not lines[number - 1] and indents[number] > indents[previous]:
            result[-1:] = ["", " " * indents[previous] + "::", ""]
        if line:
            previous = number
        result.append(line)
    lines[:] = result


def setup(app: Sphinx) -> None:
    """Hook in."""
    app.connect("source-read", complete)
    app.connect("autodoc-process-docstring", literal_blocks, priority=100)  # before napoleon
