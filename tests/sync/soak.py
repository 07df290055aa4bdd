"""
One client, 64 threads, and everything that disturbs them: Ctrl-C, forks, other clients that are closed in the middle.

``python -m tests.sync.soak --seconds 60`` prints what happened as JSON, and exits with 1 if a call was lost or mixed
up, or anything hung or stayed behind. The suite runs it for 5 seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from nexevo_async.sandbox import Sandbox
from nexevo_sync import ClientClosedError, Nexevo

ROOT = Path(__file__).resolve().parents[2]
THREADS = 64
MODEL = "nexevo/fast"


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"number {number}."}]


class Soak:
    """The work of one process; counts what happened."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.client = Nexevo(max_connections=THREADS)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.until

    def call(self, client: Nexevo, number: int) -> None:
        """A chat or a stream whose answer can be told from all others."""
        if number % 3:
            answer = client.chat.completions.create(model=MODEL, messages=messages(number))
            text = answer.choices[0].message.content or ""
        else:
            with client.chat.completions.stream(model=MODEL, messages=messages(number)) as stream:
                text = "".join(stream.text())
        if f"number {number}." not in text:
            raise AssertionError(f"asked for {number}, got {text!r}")

    def work(self, thread: int) -> None:
        """Call and call again."""
        number = thread * 1_000_000
        while not self.over:
            number += 1
            try:
                self.call(self.client, number)
                self.counts["calls"] += 1
            except Exception as error:
                self.failures.append(f"call: {error!r}")

    def close_others(self) -> None:
        """Make clients, use them from two threads, and close them in the middle."""
        while not self.over:
            client = Nexevo()
            crowd = [threading.Thread(target=self.until_closed, args=(client,)) for _ in range(2)]
            for thread in crowd:
                thread.start()
            time.sleep(random.uniform(0.05, 0.2))
            client.close()
            for thread in crowd:
                thread.join(20)
            if any(thread.is_alive() for thread in crowd):
                self.failures.append("a thread was left waiting for a client that is closed")
            self.counts["closed"] += 1

    def until_closed(self, client: Nexevo) -> None:
        try:
            while not self.over:
                self.call(client, 7)
        except ClientClosedError:
            pass
        except Exception as error:
            self.failures.append(f"closed: {error!r}")

    def interrupted(self, dice: random.Random) -> None:
        """Call until Ctrl-C; it is raised once."""
        bell = threading.Timer(dice.uniform(0, 0.1), os.kill, (os.getpid(), signal.SIGINT))
        try:
            bell.start()
            while True:
                self.call(self.client, 5)
        except KeyboardInterrupt:
            self.counts["interrupts"] += 1
        bell.join()

    def fork(self) -> None:
        """A child that uses the client of its parent, while its parent does."""
        pid = os.fork()
        if not pid:
            signal.alarm(20)
            status = 1
            try:
                for number in range(3):
                    self.call(self.client, number)
                self.client.close()
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(pid, 0)[1]:
            self.failures.append("a child failed")
        self.counts["forks"] += 1

    def run(self) -> dict[str, Any]:
        """Everything at once, until time is over."""
        dice = random.Random(11)
        crowd = [threading.Thread(target=self.work, args=(number,)) for number in range(THREADS)]
        crowd.append(threading.Thread(target=self.close_others))
        for thread in crowd:
            thread.start()
        while not self.over:
            self.interrupted(dice)
            self.fork()
        for thread in crowd:
            thread.join(30)
        hung = sum(thread.is_alive() for thread in crowd)
        self.client.close()
        left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        left = [name for name in left if not name.startswith("AnyIO")]
        return {**self.counts, "hung": hung, "left": left, "failures": len(self.failures), "first": self.failures[:3]}


def run(seconds: float) -> dict[str, Any]:
    """Soak a process of its own, against gateways in this one."""
    with Sandbox(2, rate_limit=None) as box:
        done = subprocess.run(
            # A stream that Ctrl-C hits in the very moment of its birth is closed, with a ResourceWarning.
            [
                sys.executable,
                "-W",
                "error",
                "-W",
                "ignore::ResourceWarning",
                "-m",
                "tests.sync.soak",
                "--worker",
                "--seconds",
                str(seconds),
            ],
            cwd=ROOT,
            env=os.environ | {"NEXEVO_API_KEY": box.api_key, "NEXEVO_BASE_URLS": " ".join(box.base_urls)},
            capture_output=True,
            text=True,
            timeout=seconds + 120,
            check=False,
        )
        if done.returncode or done.stderr:
            return {"failures": 1, "first": [done.stderr[-2000:]], "hung": 0, "left": []}
        result: dict[str, Any] = json.loads(done.stdout)
        return result


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        sys.stdout.write(json.dumps(Soak(options.seconds).run()))
        return 0
    result = run(options.seconds)
    sys.stdout.write(f"{json.dumps(result)}\n")
    return 1 if result["failures"] or result["hung"] or result["left"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
