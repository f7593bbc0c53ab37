"""Plain YAML with the line of every key: mappings and scalars, nothing that grows or is ambiguous.

Refused: anchors and aliases (with them a small file can expand without bound), tags, lists, more
than one document, keys that are not text, and keys that occur twice, of which YAML would silently
drop one.
"""

from __future__ import annotations

from typing import Any

import yaml

DEPTH_MAX = 4
_SHOWN_CHARACTERS_MAX = 60

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}


class Problem(Exception):
    """A text that is not plain YAML.

    Attributes:
        line: where, from 1 on, if it is known.
    """

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class Document:
    """A mapping, and where its keys stand.

    Attributes:
        root: mappings of text to mappings and scalars.
    """

    def __init__(self, root: dict[str, Any], lines: dict[tuple[str, ...], int | None]) -> None:
        self.root = root
        self._lines = lines

    def line(self, path: tuple[str, ...]) -> int | None:
        """The line of the key at a path, from 1 on."""
        return self._lines.get(path)


def read_document(content: bytes) -> Document:
    """The document in a text.

    Raises:
        Problem: it is not UTF-8, not YAML, or uses what this subset leaves out.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Problem("not UTF-8. Save the file as UTF-8.", line) from error
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Problem(f"not YAML: {error.problem}.", mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise Problem(f"not YAML: {str(error).splitlines()[0]}.", None) from error
    if not isinstance(node, yaml.MappingNode):
        raise Problem("must be a mapping of plans and titles.", 1)
    lines: dict[tuple[str, ...], int | None] = {}
    return Document(_mapping(node, (), lines), lines)


def _check_events(text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = _line(event)
        if getattr(event, "anchor", None) is not None:
            raise Problem("anchors and aliases are not supported. Write the value out.", line)
        if (tag := getattr(event, "tag", None)) is not None:
            raise Problem(f"tags such as {tag!s:.60} are not supported. Remove it.", line)
        if isinstance(event, yaml.SequenceStartEvent):
            raise Problem("a list where a mapping or a value belongs.", line)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.MappingStartEvent)
        depth -= isinstance(event, yaml.MappingEndEvent)
        if depth > DEPTH_MAX:
            raise Problem(f"more than {DEPTH_MAX} mappings inside one another.", line)
        if documents > 1:
            raise Problem("a second document. Keep one for each file.", line)


def _mapping(
    node: yaml.MappingNode, path: tuple[str, ...], lines: dict[tuple[str, ...], int | None]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            shown = shorten(key_node.value) if key is not None else "A mapping or null"
            raise Problem(f"{shown} as a key is not text. Put it in quotes.", line)
        here = (*path, key)
        if key in found:
            first = lines[here]
            raise Problem(f"{'.'.join(here)}: twice, first in line {first}. Keep one.", line)
        lines[here] = line
        found[key] = (
            _mapping(value_node, here, lines)
            if isinstance(value_node, yaml.MappingNode)
            else _scalar(value_node)
        )
    return found


def _scalar(node: yaml.ScalarNode) -> object:
    line = _line(node)
    if node.tag not in _SCALARS:
        raise Problem(f"{shorten(node.value)} is read as a special value. Put it in quotes.", line)
    try:
        value: object = yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, yaml.YAMLError) as error:
        raise Problem(
            f"{shorten(node.value)} cannot be read as a value. Correct it.", line
        ) from error
    return value


def shorten(value: object) -> str:
    """How a value from the file is shown in an error."""
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS_MAX else f"{shown[:_SHOWN_CHARACTERS_MAX]}…"


def _line(marked: yaml.Event | yaml.Node) -> int | None:
    return marked.start_mark.line + 1 if marked.start_mark is not None else None
