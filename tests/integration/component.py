"""One process of a real server: started, waited for, frozen, and ended whatever state it is in."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

START_TIMEOUT = 60.0


class StartError(RuntimeError):
    """A component ended or was not ready in time; the message holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago; held together, so that no two are the same."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [held.getsockname()[1] for held in sockets]


class Component:
    """One process of a real server, in a process group of its own."""

    def __init__(
        self,
        command: list[str],
        directory: Path,
        is_ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = Path(command[0]).name
        self.environment = dict(environment or {})
        self.command = command
        self.directory = directory
        self.is_ready = is_ready
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process unless it lives; its output is added to ``<name>.log``."""
        if self.process and self.process.poll() is None:
            return
        # Where the kernel can, it also ends the process with the thread that started it: a killed test run
        # tears nothing down. HOME is ours because KWOK reads a configuration from there unasked.
        setpriv = shutil.which("setpriv")
        prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        with (self.directory / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, *self.command],
                cwd=self.directory,
                env={"HOME": str(self.directory), "PATH": os.environ.get("PATH", ""), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until the component answers; StartError when it ends first or takes too long."""
        deadline = time.monotonic() + timeout
        while True:
            status = self.process.poll() if self.process else None
            if status is not None:
                raise StartError(f"{self.name} ended with status {status}:\n{self._end_of_log()}")
            if self.is_ready():
                return
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} not ready within {timeout:g} s:\n{self._end_of_log()}")
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if it still lives."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End the process at once: its data is thrown away, so there is nothing to end gracefully."""
        self.send(signal.SIGKILL)
        if self.process:
            self.process.wait(timeout=10)

    def _end_of_log(self) -> str:
        lines = (self.directory / f"{self.name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-20:])


def listens(port: int) -> bool:
    """Whether somebody takes connections at a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Server:
    """A server in a folder of its own, running while the context is open; its processes are ``components``.

    Start it in a thread that outlives it (see Component), pytest's main thread for example.
    """

    start_timeout = START_TIMEOUT

    def __init__(self) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"domino-health-{secrets.token_hex(6)}"
        self.folder.mkdir(mode=0o700)
        self.components: list[Component] = []

    def __enter__(self) -> Self:
        try:
            for component in self.components:
                component.start()
                component.wait(self.start_timeout)
            self.fill()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fill(self) -> None:
        """Give it what it is to hold, once it answers."""

    def close(self) -> None:
        """Kill it and remove what it wrote, whatever state it is in."""
        for component in self.components:
            component.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
