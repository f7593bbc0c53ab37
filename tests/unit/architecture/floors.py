"""Reads the imports of a source tree and holds them against a plan of its floors.

A plan gives each package's floors, top first. On one line, ``,`` joins neighbours, which may import
each other; ``|`` parts strangers, which may not; a line that ends with either goes on in the next.
``name`` stands for a module, or for a package and all within it; ``name.__init__`` for the
package's own file alone. The longest name that fits a module is the one that holds.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Unit:
    """What stands on a floor: a module, or a package with all within it."""

    name: str
    storey: int
    room: int

    def may_import(self, other: "Unit") -> bool:
        """Downwards, and on the same storey only within the room."""
        return other.storey < self.storey or (self.storey, self.room) == (other.storey, other.room)


class Plan:
    """Where every module belongs."""

    def __init__(self, floors: Mapping[str, str]) -> None:
        """Takes the packages, lowest first, each with its floors, top first."""
        lines = [
            (package, line)
            for package, text in floors.items()
            for line in reversed(re.sub(r"([,|])\s*\n", r"\1", text).strip().splitlines())
        ]
        self._units = {
            f"{package}.{name.strip()}": Unit(f"{package}.{name.strip()}", storey, room)
            for storey, (package, line) in enumerate(lines)
            for room, names in enumerate(line.split("|"))
            for name in names.split(",")
        }

    def unit_of(self, module: str) -> Unit | None:
        """The unit a module belongs to, by the longest name that fits it."""
        if own_file := self._units.get(f"{module}.__init__"):
            return own_file
        name = module
        while name:
            if unit := self._units.get(name):
                return unit
            name = name.rpartition(".")[0]
        return None


@dataclass(frozen=True)
class Tree:
    """Every module of a source tree, with all the names it imports and the calls it makes."""

    modules: Mapping[str, ast.Module]
    imports: Mapping[str, Set[str]]

    @classmethod
    def read(cls, source: Path) -> "Tree":
        """Parses all Python files under a folder; nothing is executed."""
        modules = {}
        packages = set()
        for path in sorted(source.rglob("*.py")):
            parts = path.relative_to(source).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
                packages.add(".".join(parts))
            modules[".".join(parts)] = ast.parse(path.read_bytes(), str(path))
        imports = {
            module: frozenset(_imported(module, tree, modules.keys(), module in packages))
            for module, tree in modules.items()
        }
        return cls(modules, imports)

    def reached_from(self, module: str) -> dict[str, str]:
        """All modules imported directly or through others, each with the module it came by."""
        came_by: dict[str, str] = {}
        waiting = [module]
        while waiting:
            importer = waiting.pop()
            for target in sorted(self.imports[importer] & self.modules.keys() - came_by.keys()):
                came_by[target] = importer
                waiting.append(target)
        return came_by


def _imported(module: str, tree: ast.Module, known: Set[str], is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield submodule if submodule in known else base


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parents = module.split(".")
    parents = parents[: len(parents) - node.level + is_package]
    return ".".join([*parents, node.module] if node.module else parents)


def within(module: str, package: str) -> bool:
    """Whether a module is that package, or lies in it."""
    return module == package or module.startswith(f"{package}.")


def unplanned(tree: Tree, plan: Plan) -> list[str]:
    """Modules that the plan has no place for."""
    return [module for module in tree.modules if plan.unit_of(module) is None]


def trespasses(tree: Tree, plan: Plan) -> list[str]:
    """Imports that go upwards, or sideways between strangers."""
    return [
        f"{importer} imports {target}"
        for importer, targets in tree.imports.items()
        for target in sorted(targets & tree.modules.keys())
        if (home := plan.unit_of(importer)) and (there := plan.unit_of(target))
        if not home.may_import(there)
    ]


def barred(tree: Tree, bars: Mapping[str, Set[str]]) -> list[str]:
    """Imports, direct or through others, of what lies below but is barred all the same."""
    found = []
    for guarded, packages in bars.items():
        own_file = guarded.removesuffix(".__init__")
        for module in tree.modules:
            if module == own_file or (own_file == guarded and within(module, guarded)):
                found += [
                    f"{module} reaches {target} (imported by {importer})"
                    for target, importer in tree.reached_from(module).items()
                    if any(within(target, package) for package in packages)
                ]
    return found


def impurities(
    tree: Tree, pure: Set[str], worldly_modules: Set[str], worldly_calls: Set[str]
) -> list[str]:
    """What pure modules import or call that makes their outcome depend on the world."""
    found = []
    for module, syntax in tree.modules.items():
        if not any(within(module, package) for package in pure):
            continue
        found += [
            f"{module} imports {target}"
            for target in sorted(tree.imports[module])
            if any(within(target, worldly) for worldly in worldly_modules)
        ]
        found += [
            f"{module}:{node.lineno} calls {called}"
            for node in ast.walk(syntax)
            if isinstance(node, ast.Call) and (called := _name(node.func)) in worldly_calls
        ]
    return found


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
