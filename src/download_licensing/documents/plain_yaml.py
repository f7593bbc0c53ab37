"""Plain YAML with the place of every key and value: nothing that grows or is ambiguous.

Refused: anchors and aliases (with them a small file can expand without bound), tags, more than one
document, lists where the document has none, keys that are no text on one line, and keys that occur
twice, of which YAML would silently drop one. A key is the text that is written: `NO` is Norway.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import msgspec
import yaml

from download_licensing.documents.problems import Place, Problems, shorten

Path: TypeAlias = tuple[str | int, ...]
"""The keys, and numbers of list items, that lead from the root to an entry."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null")}
_TIMESTAMP = f"{_TAG}timestamp"
_KEY_CHARACTERS_MAX = 200


class Document(msgspec.Struct, kw_only=True):
    """A mapping, and where its parts stand.

    Attributes:
        root: mappings of text to mappings, scalars and, if they were allowed, lists.
        keys: the places of keys, by the paths that lead to them.
        values: the places of values.
    """

    root: dict[str, Any] = msgspec.field(default_factory=dict)
    keys: dict[Path, Place] = msgspec.field(default_factory=dict)
    values: dict[Path, Place] = msgspec.field(default_factory=dict)

    def value_place(self, path: Path) -> Place | None:
        """Where the value at a path begins; the key's place, if the value has none."""
        return self.values.get(path) or self.keys.get(path)


def read_document(
    content: bytes, problems: Problems, *, depth_max: int, lists: bool = False, times: bool = False
) -> Document | None:
    """The document in a text; None if it has problems.

    Args:
        content: YAML in UTF-8.
        problems: gathers what is wrong.
        depth_max: mappings and lists inside one another, the outermost included.
        lists: whether it may have any.
        times: whether dates and times are taken, as text; if not, they are to be put in quotes.
    """
    text = _text(content, problems)
    if text is None:
        return None
    try:
        if not _is_plain(text, problems, depth_max, lists=lists):
            return None
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(f"not YAML: {error.problem}.", _place(mark))
        return None
    except yaml.YAMLError as error:
        problems.add(f"not YAML: {str(error).splitlines()[0]}.")
        return None
    if not isinstance(node, yaml.MappingNode):
        problems.add("must be a mapping of names and what they stand for.", Place(1, 1))
        return None
    document = _Reading(problems, times=times).read(node)
    return None if problems else document


def _text(content: bytes, problems: Problems) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        before = content[content.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.decode("utf-8-sig", "replace")) + 1
        problems.add("not UTF-8. Save the file as UTF-8.", Place(line, column))
        return None


def _is_plain(text: str, problems: Problems, depth_max: int, *, lists: bool) -> bool:
    """Whether the text keeps to the subset; it is looked through before anything is built of it."""
    found = Problems()
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        place = _place(event.start_mark)
        if getattr(event, "anchor", None) is not None:
            found.add("anchors and aliases are not supported. Write the value out.", place)
        if (tag := getattr(event, "tag", None)) is not None:
            found.add(f"tags such as {tag!s:.60} are not supported. Remove it.", place)
        if isinstance(event, yaml.SequenceStartEvent) and not lists:
            found.add("a list where a mapping or a value belongs.", place)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > depth_max:
            found.add(f"more than {depth_max} mappings or lists inside one another.", place)
            break
        if documents > 1:
            found.add("a second document. Keep one for each file.", place)
            break
    problems.extend(found)
    return not found


class _Reading:
    """Turns nodes into values and notes where they stand."""

    def __init__(self, problems: Problems, *, times: bool) -> None:
        self._problems = problems
        self._times = times
        self._document = Document()

    def read(self, node: yaml.MappingNode) -> Document:
        self._document.root = self._mapping(node, ())
        return self._document

    def _value(self, node: yaml.Node, path: Path) -> Any:
        place = _place(node.start_mark)
        if place is not None:
            self._document.values[path] = place
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                items = enumerate(node.value)
                return [self._value(item, (*path, number)) for number, item in items]
            case _:
                return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = _place(key_node.start_mark)
            key = _key(key_node)
            if key is None:
                shown = "A mapping, a list, nothing or a long text"
                self._problems.add(f"{shown} cannot be a key. Write a short name.", place)
                continue
            here = (*path, key)
            if key in found:
                first = self._document.keys.get(here)
                line = f", first in line {first.line}" if first else ""
                self._problems.add(f"twice{line}. Keep one.", place, dotted(here))
                continue
            if place is not None:
                self._document.keys[here] = place
            found[key] = self._value(value_node, here)
        return found

    def _scalar(self, node: yaml.Node, place: Place | None) -> object:
        if node.tag == _TIMESTAMP and self._times:
            return node.value
        if node.tag not in _SCALARS:
            message = f"{shorten(node.value)} is read as a special value. Put it in quotes."
            self._problems.add(message, place)
            return None
        try:
            value: object = yaml.constructor.SafeConstructor().construct_object(node)
        except (ValueError, yaml.YAMLError):
            message = f"{shorten(node.value)} cannot be read as a value. Correct it."
            self._problems.add(message, place)
            return None
        return value


def _key(node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.ScalarNode):
        return None
    return node.value if 0 < len(node.value) <= _KEY_CHARACTERS_MAX else None


def dotted(path: Path) -> str:
    """A path as problems show it."""
    return ".".join(str(step) for step in path)


class _Mark(Protocol):
    line: int
    column: int


def _place(mark: _Mark | None) -> Place | None:
    return None if mark is None else Place(mark.line + 1, mark.column + 1)
