"""The real service as a child process: started, killed and started again on the same file."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.e2e.server_process import environment

READY_WITHIN_S = 60.0
ENDED_WITHIN_S = 30.0
_POLL_S = 0.05


class RunningService:
    """A service on a free port of the loopback, whose requests carry their time.

    Args:
        directory: for the store's file, which several services may share, and the logs.
        options: further ones of `serve`.
        store: another one to use, such as a keyspace.
    """

    def __init__(self, directory: Path, *options: str, store: str = "") -> None:
        self.store = store or str(directory / "store.sqlite3")
        self._port = _free_port()
        self.log = directory / f"service-{self._port}.log"
        self._options = options
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start the process and wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "download_licensing", "serve", "--rehearsal"),
                *("--port", str(self._port), "--store", self.store, *self._options),
                cwd=self.log.parent,
                stdout=log,
                stderr=log,
                env=environment(DOWNLOAD_LICENSING_LOG_LEVEL="warning"),
            )
        give_up_at = time.monotonic() + READY_WITHIN_S
        while not await asyncio.to_thread(self._is_ready):
            if self._process.returncode is not None or time.monotonic() > give_up_at:
                raise AssertionError(f"The service is not ready: {self.log.read_text()[-2000:]}")
            await asyncio.sleep(_POLL_S)

    async def kill(self) -> None:
        """Kill the process at once, as a crash of the machine's kernel would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """End the process in good order; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        return await asyncio.wait_for(process.wait(), ENDED_WITHIN_S)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
