"""`serve`: one process that answers until it is told to end, and then finishes what it began."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer

from download_licensing import settings as settings_module
from download_licensing.catalogue import Catalogue
from download_licensing.cli.server import Ending, server_of
from download_licensing.composition import catalogue_of, open_api
from download_licensing.observability import configure_logs
from download_licensing.policies.keeping import PolicyKeeper
from download_licensing.settings import Settings, SettingsError
from helenus.stores.cassandra_url import FORM

Config = Annotated[
    Path | None,
    typer.Option(help="A TOML file of settings.", envvar=settings_module.CONFIG_VARIABLE),
]


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one.")] = None,
    store: Annotated[
        str | None, typer.Option(help=f"The store's file, or {FORM}.", metavar="PATH|URL")
    ] = None,
    catalogue: Annotated[Path | None, typer.Option(help="YAML file of plans and titles.")] = None,
    policy: Annotated[Path | None, typer.Option(help="YAML file of the policy; watched.")] = None,
    rehearsal: Annotated[
        bool | None, typer.Option("--rehearsal", help="Let requests set the time.")
    ] = None,
    config: Config = None,
) -> None:
    """Start the service. Everything else is a setting: see `download-licensing settings`."""
    given = {
        "host": host,
        "port": port,
        "store": store,
        "catalogue": catalogue,
        "policy": policy,
        "rehearsal": rehearsal,
    }
    settings = settings_module.load(config, given)
    configure_logs(level=settings.log_level, as_json=settings.log_format == "json")
    for name in settings_module.unknown_variables():
        structlog.get_logger("download_licensing").warning("unknown variable", variable=name)
    terms = catalogue_of(settings)
    listener = listen(settings)
    ending = Ending()
    with contextlib.closing(listener), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, terms, listener, ending))
    if ending.told is not None:
        raise typer.Exit(128 + ending.told)


def listen(settings: Settings) -> socket.socket:
    """A socket that listens, or an error that says which address is taken.

    Raises:
        SettingsError: the address is taken, or is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if sys.platform != "win32":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(settings.listen_backlog)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}."
            " Choose another with --host or --port."
        ) from None
    return listener


async def _serve(
    settings: Settings, catalogue: Catalogue, listener: socket.socket, ending: Ending
) -> None:
    async with open_api(settings, catalogue) as api:
        server = server_of(settings, api.gate)
        _calm_collector()
        _reload_by_signal(api.policies)
        if ending.hand_over(server):
            return
        typer.echo(_greeting(settings, listener))
        await server.serve(sockets=[listener])


def _calm_collector() -> None:
    """Keep the garbage collector from walking all that is cached, again and again.

    A full collection walks every customer's state in memory, 100 ms and more, while nothing else
    runs. A request leaves no reference cycles, so there is next to nothing to find: what there is
    dies young, and the young generations are still collected.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 1_000)


def _reload_by_signal(policies: PolicyKeeper) -> None:
    """SIGHUP: look for a new policy at once."""
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, policies.wake)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415  # it does not exist on Windows

    return uvloop.new_event_loop


def _greeting(settings: Settings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    rehearsal = " · rehearsal: requests set the time" if settings.rehearsal else ""
    return (
        f"Serving {url} · operations at {url}/ · store {settings.store_shown}{rehearsal}"
        " · Ctrl+C ends"
    )
