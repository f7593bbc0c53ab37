"""The package as its users get it: built, installed into an empty environment, and used there."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PACKAGES = {"helenus", "download_licensing"}

# What imports packages that the base does not bring: "*" stands for everything below.
NEEDS = {
    "helenus.cli.*": ["cli"],
    "helenus.observability.*": ["observability"],
    "helenus.stores.cassandra.*": ["cassandra", "acsylla"],
    "helenus.testing.cassandra.*": ["cassandra", "cassandra-local"],
    "download_licensing.*": ["api"],
}
# A pytest plugin is imported by pytest alone.
BROUGHT_BY_ITS_USER = {
    "helenus.testing.cassandra.fixtures": {"pytest"},
    "helenus.testing.fixtures": {"pytest", "pytest_asyncio"},
}

PROGRAM = """
import asyncio

from helenus import Aggregate, AggregateRepository, Event, UnitOfWork, applies
from helenus.stores.sqlite import SqliteStore


class Counted(Event, name="counted"):
    by: int


class Counter(Aggregate, name="counter"):
    total: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        self.total += event.by


def count(unit: UnitOfWork) -> int:
    counter = unit.get(Counter, "c")
    counter.record(Counted(by=20))
    counter.record(Counted(by=1))
    return counter.total


async def main() -> None:
    for _ in range(2):
        async with SqliteStore("s.sqlite3") as store, AggregateRepository(store, [Counter]) as all:
            print(await all.transact("one", count))


asyncio.run(main())
"""


def run(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, f"{command}:\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def build(target: str, project: Path, into: Path) -> Path:
    """Build offline, with the locked hatchling."""
    run(
        *(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", into),
        cwd=project,
    )
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from the sdist and from nothing else."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (project,) = unpacked.iterdir()
    return build("wheel", project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and its base dependencies."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False, symlinks=True)
    interpreter = environment / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", interpreter),
        *("install", "--no-index", "--no-deps", "--no-compile", wheel),
        cwd=environment,
    )
    (site,) = environment.glob("lib/*/site-packages")
    for requirement in PROJECT["dependencies"]:
        copy_installed(name_of(requirement), site)
    return interpreter


def copy_installed(distribution: str, into: Path) -> None:
    """Copy what is installed here, so that no registry is needed."""
    installed = Path(sysconfig.get_path("platlib"))
    for file in importlib.metadata.files(distribution) or []:
        source = Path(str(file.locate()))
        if source.suffix != ".pyc" and source.is_relative_to(installed):
            target = into / source.relative_to(installed)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def name_of(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_the_wheel_made_from_the_sdist_holds_each_file_of_both_packages(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    wanted = {path.removeprefix("src/") for path in tracked} or {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert wanted - held == set()
    assert {name.partition("/")[0] for name in held} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= held


def test_the_metadata_names_each_extra_with_all_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = importlib.metadata.PathDistribution(zipfile.Path(archive, path[:-8])).metadata
        held = metadata.get_all("Requires-Dist") or []
        extras = set(metadata.get_all("Provides-Extra") or [])
    assert extras == set(EXTRAS)
    for extra, requirements in EXTRAS.items():
        marked = [one for one in held if f"extra == '{extra}'" in one.replace('"', "'")]
        assert sorted(map(name_of, marked)) == sorted(map(name_of, requirements))
    base = [one for one in held if "extra ==" not in one]
    assert sorted(map(name_of, base)) == sorted(map(name_of, PROJECT["dependencies"]))
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["License-Expression"] == PROJECT["license"]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_each_module_imports_only_what_the_base_and_its_extras_bring(package: str) -> None:
    providers = importlib.metadata.packages_distributions()
    missing = []
    for path in sorted((SOURCE / package).rglob("*.py")):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        module = module.removesuffix(".__init__")
        allowed = {name_of(one) for one in PROJECT["dependencies"]}
        for extra in extras_of(module):
            allowed |= {name_of(one) for one in EXTRAS[extra]}
        missing += [
            f"{module} imports {imported}"
            for imported in third_party_imports(path) - BROUGHT_BY_ITS_USER.get(module, set())
            if not allowed & {name_of(one) for one in providers.get(imported, ())}
        ]
    assert missing == []


def extras_of(module: str) -> list[str]:
    for pattern, extras in NEEDS.items():
        if module == pattern.removesuffix(".*") or (
            pattern.endswith(".*") and module.startswith(pattern[:-1])
        ):
            return extras
    return []


def third_party_imports(path: Path) -> set[str]:
    """What a file imports when it runs: what it imports for type checkers is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - PACKAGES


def test_a_program_on_sqlite_needs_the_base_alone(python: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    assert run(python, "-I", "-W", "error", "program.py", cwd=tmp_path).split() == ["21", "42"]
    installed = run(
        *(python, "-I", "-c"),
        "import importlib.metadata as m; print(*{d.name for d in m.distributions()})",
        cwd=tmp_path,
    )
    assert set(installed.split()) == {"helenus", *map(name_of, PROJECT["dependencies"])}


def test_the_installed_packages_say_that_they_are_typed(python: Path, tmp_path: Path) -> None:
    answer = run(
        *(python, "-I", "-c"),
        "import importlib.resources as r\n"
        f"print(*(r.files(p).joinpath('py.typed').is_file() for p in {sorted(PACKAGES)}))",
        cwd=tmp_path,
    )
    assert answer.split() == ["True", "True"]


def test_the_command_says_which_extra_it_needs(python: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [python.with_name("helenus"), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert "install helenus[cli]" in ran.stderr


def test_importing_helenus_loads_no_optional_package(tmp_path: Path) -> None:
    """Run where all of them are installed. What it takes in time is `make bench`'s to say."""
    loaded = run(
        *(sys.executable, "-c"),
        "import sys; before = set(sys.modules)\n"
        "import helenus\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})",
        cwd=tmp_path,
    )
    third_party = {
        name_of(distribution)
        for name in loaded.split()
        if name not in sys.stdlib_module_names
        for distribution in importlib.metadata.packages_distributions().get(name, ())
    }
    # msgspec takes its types from typing-extensions where that happens to be installed.
    assert third_party - {"helenus", "typing-extensions"} == {"msgspec", "zstandard"}
