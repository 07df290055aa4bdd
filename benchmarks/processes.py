"""The processes of a benchmark: server and workers. Each is ended by its starter, at the latest by its closed input."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.peers import Peer

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60.0


class WorkerError(Exception):
    """A worker could not start, broke, or did not answer in time; the text is the reason shown in the table."""


class Process:
    """A child that talks in JSON lines and ends when its input is closed."""

    def __init__(self, command: list[str], *, environment: dict[str, str] | None = None) -> None:
        self._noise = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in `close`
        self._child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
        )
        self._pending = b""

    @property
    def pid(self) -> int:
        """Process id, for reading its CPU time from outside."""
        return self._child.pid

    def send(self, value: dict[str, Any]) -> None:
        """Write one command."""
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # the answer that does not come tells more
                self._child.stdin.write(json.dumps(value).encode() + b"\n")
                self._child.stdin.flush()

    def receive(self, timeout: float) -> dict[str, Any]:
        """
        Read one answer. Lines that are no JSON object (a library's greeting) are passed over.

        Raises:
            WorkerError: It ended, or said nothing for `timeout` seconds.
        """
        until = time.monotonic() + timeout
        while True:
            line, newline, rest = self._pending.partition(b"\n")
            if not newline:
                self._read_more(until, timeout)
                continue
            self._pending = rest
            if line.startswith(b"{"):
                answer: dict[str, Any] = json.loads(line)
                return answer

    def _read_more(self, until: float, timeout: float) -> None:
        """Wait for output on the bare pipe: a buffered reader would hide from `select` what it already holds."""
        pipe = self._child.stdout
        if pipe is None or not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            raise WorkerError(f"no answer within {timeout:.0f} s")
        data = os.read(pipe.fileno(), 1 << 16)
        if not data:
            raise WorkerError(self._last_words())
        self._pending += data

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(5)
        self._noise.seek(0)
        lines = [line.strip() for line in self._noise.read().splitlines() if line.strip()]
        return lines[-1][:300] if lines else f"ended with status {self._child.poll()}"

    def close(self) -> None:
        """End it: first by closing its input, then by signal."""
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.close()
        try:
            self._child.wait(3)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._noise.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def interpreter(peer: Peer) -> Path:
    """The Python a peer runs with; it may not exist."""
    return Path(sys.executable) if peer.venv == "project" else ROOT / f".venv-{peer.venv}" / "bin" / "python"


def start_worker(peer: Peer, url: str, *, environment: dict[str, str] | None = None) -> tuple[Process, dict[str, str]]:
    """
    Start a peer's worker and wait until it is connected.

    Returns:
        The process, and the versions it runs with.

    Raises:
        WorkerError: Its virtualenv or one of its packages is missing, or it failed to start.
    """
    python = interpreter(peer)
    if not python.exists():
        raise WorkerError(f"no virtualenv .venv-{peer.venv}; `make bench-peers` makes it")
    command = [str(python), "-m", "benchmarks.worker", peer.module, "--kind", peer.kind, "--name", peer.name]
    command += ["--url", url, "--packages", ",".join(peer.packages)]
    command += ["--uvloop"] if peer.uvloop else []
    process = Process(command, environment={**peer.extra(), **(environment or {})})
    try:
        return process, process.receive(READY_SECONDS)["versions"]
    except BaseException:
        process.close()
        raise


@contextlib.contextmanager
def running_service(*, tls: bool = False) -> Iterator[tuple[str, Process, dict[str, str]]]:
    """
    The benchmark's server in a process of its own, on uvloop where that is installed.

    Yields:
        Its base URL, its process, and the environment that makes clients trust its certificate.
    """
    command = [sys.executable, "-m", "benchmarks.service"]
    if importlib.util.find_spec("uvloop"):
        command.append("--uvloop")
    with contextlib.ExitStack() as stack:
        environment: dict[str, str] = {}
        if tls:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            command += _certificate(folder)
            # Honoured by OpenSSL's default paths, so no peer needs a line of code for it.
            environment["SSL_CERT_FILE"] = str(folder / "authority.pem")
        process = stack.enter_context(Process(command))
        yield process.receive(READY_SECONDS)["url"], process, environment


def _certificate(folder: Path) -> list[str]:
    import trustme  # extra `tls`; only this switch needs it

    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(folder / "chain.pem"), append=True)
    return ["--cert", str(folder / "chain.pem"), "--key", str(folder / "key.pem")]


def cpu_seconds(pid: int) -> float:
    """CPU time a running process has used so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
