"""``helenus cassandra``: a real one on this machine, and its keyspaces anywhere."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import msgspec

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bars

    from helenus.errors import InvalidArgument, StoreUnavailable, StoreUnusable
    from helenus.testing.cassandra.cluster import Cluster, NodeStatus
    from helenus.testing.cassandra.errors import (
        ClusterError,
        ClusterNotRunning,
        InvalidClusterOptions,
        RuntimeMissing,
    )
    from helenus.testing.cassandra.leftovers import clean_up_abandoned
    from helenus.testing.cassandra.locations import default_directory
    from helenus.testing.cassandra.options import (
        DEFAULT_JMX_PORT,
        DEFAULT_NATIVE_PORT,
        DEFAULT_STORAGE_PORT,
        ClusterOptions,
        parse_heap,
    )
    from helenus.testing.cassandra.progress import Progress, Step
    from helenus.testing.cassandra.release import VERSION
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"helenus cassandra needs {error.name}: install helenus[cassandra-local].", name=error.name
    ) from None

if TYPE_CHECKING:
    from helenus.stores.cassandra.settings import TlsSettings

cassandra = typer.Typer(
    no_args_is_help=True,
    help=(
        f"A real Cassandra {VERSION} on this machine's loopback addresses, for development; and"
        " `migrate`, for any cluster.\n\n"
        "Exit codes: 0 done; 1 anything else; 2 wrong options; 3 not running, or not every node is "
        "up; 4 an address is in use; 5 not enough memory; 6 neither Java nor Docker; 7 Cassandra "
        "cannot be fetched; 8 a node failed; 9 another process is starting or stopping this "
        "cluster; 10 the keyspace cannot be used; 11 the Cassandra driver is missing; "
        "130 interrupted."
    ),
)
PASSWORD_VARIABLE = "HELENUS_CASSANDRA_PASSWORD"  # the name of a variable
UNUSABLE = 10
DRIVER_MISSING = 11

_messages = Console(stderr=True, highlight=False)
_answers = Console(highlight=False, soft_wrap=True)

Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        "-d",
        help="Where the cluster keeps everything.",
        show_default="in the XDG state directory",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, on one line.")]


@cassandra.command()
def up(
    *,
    nodes: Annotated[int, typer.Option(help="1 or 3.")] = 1,
    directory: Directory = None,
    heap: Annotated[str, typer.Option(help="Of each node.")] = "512M",
    port: Annotated[
        int, typer.Option(help="For clients; 0 picks a free one.")
    ] = DEFAULT_NATIVE_PORT,
    storage_port: Annotated[
        int, typer.Option(help="Between nodes; 0 picks a free one.")
    ] = DEFAULT_STORAGE_PORT,
    jmx_port: Annotated[
        int, typer.Option(help="Of node 1, counting up from there; 0 picks free ones.")
    ] = DEFAULT_JMX_PORT,
    runner: Annotated[
        str | None,
        typer.Option(help="java or docker.", show_default="docker where an engine runs"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start a cluster and wait until it serves clients. Does nothing to one that is up."""
    with _explained():
        options = ClusterOptions(
            nodes=nodes,
            heap_mib=parse_heap(heap),
            native_port=port,
            storage_port=storage_port,
            jmx_port=jmx_port,
        )
        with _shown() as progress:
            cluster = Cluster(
                options,
                directory=directory or default_directory(),
                runner=runner,
                progress=progress,
            )
            cluster.start()
        _report(cluster, cluster.status(), as_json)


@cassandra.command()
def down(
    directory: Directory = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete all data as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop the cluster and keep its data. Does nothing to one that is down."""
    with _explained():
        clean_up_abandoned()
        place = directory or default_directory()
        try:
            cluster = Cluster.open(place)
        except ClusterNotRunning:
            if as_json:
                _print_json({"directory": str(place), "nodes": []})
            else:
                _messages.print(f"There is no cluster in {place}.")
            return
        with _messages.status("Stopping"):
            if delete:
                cluster.delete()
            else:
                cluster.stop()
        _report(cluster, cluster.status(), as_json)


@cassandra.command()
def status(directory: Directory = None, as_json: AsJson = False) -> None:
    """Tell how each node is. Exits with 0 only if all are up."""
    with _explained():
        cluster = Cluster.open(directory or default_directory())
        nodes = cluster.status()
        _report(cluster, nodes, as_json)
        if any(node.state != "up" for node in nodes):
            raise typer.Exit(ClusterNotRunning.exit_code)


@cassandra.command()
def logs(
    node: Annotated[int, typer.Option("--node", "-n", help="Its number.")] = 1,
    lines: Annotated[int, typer.Option(min=0, help="How many of the last lines.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
    directory: Directory = None,
) -> None:
    """Print what a node has logged."""
    with _explained():
        cluster = Cluster.open(directory or default_directory())
        path = cluster.logs(node)
        if not path.exists():
            path = cluster.output(node)
        if not path.exists():
            raise ClusterNotRunning(f"Node {node} has not logged anything yet.")
        with path.open(encoding="utf-8", errors="replace") as log:
            for line in collections.deque(log, maxlen=lines):
                sys.stdout.write(line)
            sys.stdout.flush()
            while follow:
                sys.stdout.write(log.read())
                sys.stdout.flush()
                time.sleep(0.2)


@cassandra.command()
def migrate(
    *,
    contact_points: Annotated[
        list[str] | None,
        typer.Option("--contact-point", "-c", help="A node; can be repeated."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Of all of them.")] = 9042,
    data_center: Annotated[
        str | None, typer.Option(help="The local one.", show_default="that of the node")
    ] = None,
    keyspace: Annotated[str, typer.Option(help="Made if it is not there.")] = "helenus",
    replication: Annotated[
        str | None,
        typer.Option(help="Copies of each row: 3, or dc1=3,dc2=3.", show_default="1"),
    ] = None,
    serial_scope: Annotated[
        Literal["local", "global"],
        typer.Option(
            help="Whether appends are ordered within the local data centre or across all. It is"
            " recorded, and holds for good."
        ),
    ] = "local",
    driver: Annotated[
        Literal["auto", "acsylla", "cassandra-driver"],
        typer.Option(help="By which to reach the cluster; auto: the first that is installed."),
    ] = "auto",
    username: Annotated[
        str | None, typer.Option(help=f"Its password comes from {PASSWORD_VARIABLE}.")
    ] = None,
    tls_authority: Annotated[
        Path | None,
        typer.Option(help="Certificates that sign the nodes' own, PEM; turns TLS on."),
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="The client's own, PEM.")] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="The client's key, PEM, if not in the same file.")
    ] = None,
    tls_check_hostname: Annotated[
        bool, typer.Option(help="Whether a node's certificate must bear its address.")
    ] = True,
    compaction: Annotated[
        str, typer.Option(help="Of new tables of commits: T4 suits writes, L4 reads.")
    ] = "T4",
    snapshot_compaction: Annotated[str, typer.Option(help="Of a new table of snapshots.")] = "L10",
    compression: Annotated[
        Literal["lz4", "zstd", "none"], typer.Option(help="Of new tables.")
    ] = "lz4",
    compression_chunk_kib: Annotated[
        int, typer.Option(help="What is read at least for a row; a power of two.")
    ] = 16,
    speculative_retry: Annotated[
        str,
        typer.Option(help="When a further replica is asked for a slow read: 99p, 50ms, never."),
    ] = "99p",
    as_json: AsJson = False,
) -> None:
    """Make the keyspace and the tables of the store on Cassandra, where they are missing.

    Any cluster will do; without options it is the local one. Running it again, or from two machines
    at once, does no harm.
    """
    with _explained(), _store_explained():
        from helenus.stores.cassandra import drivers, schema  # noqa: PLC0415  # only here
        from helenus.stores.cassandra.replication import (  # noqa: PLC0415
            replication_in_words,
        )
        from helenus.stores.cassandra.settings import (  # noqa: PLC0415
            CassandraSettings,
            TableSettings,
        )

        drivers.silence()  # errors are told below, once
        settings = CassandraSettings(
            contact_points=tuple(contact_points or ("127.0.0.1",)),
            port=port,
            data_center=data_center,
            keyspace=keyspace,
            username=username,
            password=os.environ.get(PASSWORD_VARIABLE),
            tls=_tls(tls_authority, tls_certificate, tls_key, check_hostname=tls_check_hostname),
            replication=None if replication is None else parse_replication(replication),
            tables=TableSettings(
                compaction=compaction,
                snapshot_compaction=snapshot_compaction,
                compression=compression,
                compression_chunk_kib=compression_chunk_kib,
                speculative_retry=speculative_retry,
            ),
            serial_scope=serial_scope,
            driver=driver,
        )
        found = asyncio.run(schema.migrate(settings))
        if as_json:
            _print_json({"keyspace": keyspace, "replication": found})
        else:
            _answers.print(f"The keyspace {keyspace} is ready, with {replication_in_words(found)}.")


def parse_replication(text: str) -> dict[str, int]:
    """Copies by data centre, from ``dc1=3,dc2=3``; from ``3``, by the name "".

    Raises:
        InvalidArgument: it is neither.
    """
    if text.isdecimal():
        return {"": int(text)}
    pairs = [part.strip().partition("=") for part in text.split(",")]
    copies = {name: int(number) for name, _, number in pairs if number.isdecimal()}
    if len(copies) < len(pairs) or not all(re.fullmatch(r"[\w.-]+", name) for name in copies):
        raise InvalidArgument(f"{text!r} is no replication.", remedy="Write 3, or dc1=3,dc2=3.")
    return copies


def _tls(
    authority: Path | None, certificate: Path | None, key: Path | None, *, check_hostname: bool
) -> TlsSettings | None:
    from helenus.stores.cassandra.settings import TlsSettings  # noqa: PLC0415

    if authority is None:
        if certificate or key:
            raise InvalidArgument("TLS needs --tls-authority.")
        return None
    return TlsSettings(
        authority=authority, certificate=certificate, key=key, check_hostname=check_hostname
    )


@contextlib.contextmanager
def _store_explained() -> Iterator[None]:
    """What a store's error is for whoever typed the command."""
    from helenus.stores.cassandra.drivers import DriverMissing  # noqa: PLC0415

    try:
        yield
    except InvalidArgument as error:
        _fail(str(error), InvalidClusterOptions.exit_code)
    except DriverMissing as error:
        _fail(str(error), DRIVER_MISSING)
    except StoreUnusable as error:
        _fail(str(error), UNUSABLE)
    except StoreUnavailable as error:
        _fail(str(error), ClusterNotRunning.exit_code)


def _missing(error: ModuleNotFoundError, extra: str) -> str:
    """What to install; a module of our own that is missing is a fault of ours, and raised."""
    if error.name is None or error.name.startswith("helenus"):
        raise error
    return f"{error.name} is missing: install helenus[{extra}]."


def _fail(message: str, exit_code: int) -> NoReturn:
    _messages.print(f"Error: {message}", markup=False, soft_wrap=True)
    raise typer.Exit(exit_code)


def _report(cluster: Cluster, nodes: list[NodeStatus], as_json: bool) -> None:
    if as_json:
        _print_json(
            {
                "version": VERSION,
                "directory": str(cluster.directory),
                "runner": cluster.runner.name,
                "contact_points": list(cluster.contact_points),
                "port": cluster.port,
                "nodes": nodes,
            }
        )
        return
    for node in nodes:
        process = f"  process {node.pid}" if node.pid else ""
        _answers.print(f"node {node.number}  {node.address}:{cluster.port}  {node.state}{process}")


def _print_json(answer: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")


@contextlib.contextmanager
def _shown() -> Iterator[Progress]:
    """Progress on stderr: a moving line where somebody looks, else a line for each new step."""
    if not _messages.is_terminal:
        seen: set[str] = set()

        def tell(step: Step) -> None:
            if step.text not in seen:
                seen.add(step.text)
                _messages.print(step.text)

        yield tell
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, console=_messages, transient=True) as bars:
        task = bars.add_task("Starting", total=None)
        yield lambda step: bars.update(
            task, description=step.text, completed=step.done, total=step.total
        )


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """A user's mistake ends with a sentence and an exit code, never with a traceback."""
    try:
        yield
    except ClusterError as error:
        _messages.print(f"Error: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(error.exit_code) from None
    except ModuleNotFoundError as error:
        _fail(_missing(error, "cassandra-local"), RuntimeMissing.exit_code)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise  # whoever read the answer has seen enough
    except OSError as error:
        _messages.print(f"Error: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
