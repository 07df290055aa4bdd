"""Three sandbox gateways in a process of their own, broken and repaired over their control port."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from types import TracebackType
from typing import Any, Self

from benchmarks.processes import ROOT

SERVICE_SECONDS = 0.02
Json = dict[str, Any]


class Gateways:
    """
    The sandbox, running.

    Args:
        delay: Seconds added to every answer, as a stand-in for distance.
        tls: Whether to serve https.
    """

    def __init__(self, *, delay: float, tls: bool) -> None:
        command = [sys.executable, "-m", "nexevo_async.sandbox", "--bases", "3", "--rate-limit", "none", "--json"]
        self._child = subprocess.Popen([*command, *(["--tls"] if tls else [])], cwd=ROOT, stdout=subprocess.PIPE)
        self._service = SERVICE_SECONDS + delay
        self._slow: dict[int, int] = {}
        if self._child.stdout is None or not (line := self._child.stdout.readline()):
            raise RuntimeError("the sandbox did not start")
        self.addresses: Json = json.loads(line)
        self.reset()

    def reset(self) -> None:
        """No faults but the service time, and an empty journal."""
        self.clear_faults()
        self._call("DELETE", "/journal")

    def _serve(self, base: int) -> int:
        fault = self._call("POST", "/faults", {"base": base, "kind": "slow", "delay": self._service})
        number: int = fault["fault"]["id"]
        return number

    def break_for(self, base: int, kind: str, seconds: float, **options: Any) -> None:
        """Let one base fail for so long. (Of several faults the oldest hits, so the service time makes room.)"""
        self._call("DELETE", f"/faults/{self._slow[base]}")
        self._call("POST", "/faults", {"base": base, "kind": kind, "seconds": seconds, **options})
        self._slow[base] = self._serve(base)

    def slow_down(self, base: int, seconds: float) -> None:
        """Change the service time of one base."""
        self._call("DELETE", f"/faults/{self._slow[base]}")
        fault = self._call("POST", "/faults", {"base": base, "kind": "slow", "delay": seconds})
        self._slow[base] = fault["fault"]["id"]

    def clear_faults(self) -> None:
        """Everything is well again, and as slow as it was."""
        self._call("DELETE", "/faults")
        self._slow = {base: self._serve(base) for base in range(3)}

    def in_flight(self) -> int:
        """Requests that the bases are working on."""
        return sum(host["in_flight"] for host in self._call("GET", "/state")["hosts"])

    def journal(self) -> list[Json]:
        """What arrived since `reset`."""
        entries: list[Json] = self._call("GET", "/journal")["entries"]
        return entries

    def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.addresses["control_url"] + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: Json = json.loads(answer.read())
            return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
