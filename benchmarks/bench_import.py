"""
What `import` costs before the first call: CPU time and memory beyond a bare interpreter.

Each figure is a fresh process. A bare interpreter of the same virtualenv is measured in the same round and taken off,
because start-up files differ from one virtualenv to the next.
"""

from __future__ import annotations

import os
import resource
import subprocess
from dataclasses import dataclass

from benchmarks.harness import Result, Settings, parse_settings, save
from benchmarks.measure import REFERENCE_SECONDS, calibrate
from benchmarks.peers import OURS, Peer
from benchmarks.processes import ROOT, interpreter
from benchmarks.table import as_table

TIME, MEMORY = "import, ms", "import, MiB"
READY_TIME, READY_MEMORY = "client ready, ms", "client ready, MiB"
# The program tells its own resident memory: a child's maximum, as `wait4` gives it, includes the parent's at fork.
_REPORT = "import os; print(int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE'))"


@dataclass(frozen=True, slots=True)
class Target:
    """What to import, and how a client is then made ready."""

    peer: Peer
    imports: str
    ready: str = ""


_URL = "http://127.0.0.1:9"
TARGETS = (
    Target(
        Peer(OURS, ""),
        "import nexevo_async",
        f"nexevo_async.AsyncNexevo(api_key='sk-xc-benchmark', base_url='{_URL}').chat.completions",
    ),
    Target(Peer("asyncio + ssl", ""), "import asyncio, ssl"),
    Target(Peer("aiohttp", ""), "import aiohttp"),
    Target(Peer("orjson", ""), "import orjson"),
    Target(Peer("cattrs", ""), "import cattrs"),
    Target(Peer("httpx", "", venv="peers"), "import httpx", "httpx.AsyncClient()"),
    Target(
        Peer("openai", "", venv="peers"),
        "import openai",
        f"openai.AsyncOpenAI(api_key='sk', base_url='{_URL}').chat.completions",
    ),
    Target(
        Peer("anthropic", "", venv="peers"),
        "import anthropic",
        f"anthropic.AsyncAnthropic(api_key='sk', base_url='{_URL}').messages",
    ),
    Target(Peer("litellm", "", venv="peers-litellm"), "import litellm"),
)


class ImportFailed(Exception):
    """The program ended with an error; the text is its last line."""


def run_once(python: str, code: str, environment: dict[str, str]) -> tuple[float, int]:
    """CPU seconds and resident bytes of a fresh interpreter running some code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [python, "-c", f"{code}\n{_REPORT}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise ImportFailed((done.stderr.strip().splitlines() or ["no message"])[-1][:200])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, int(done.stdout.split()[-1])


def measure(target: Target, result: Result) -> None:
    """One round of one target: bare, import, ready."""
    python, name, environment = str(interpreter(target.peer)), target.peer.name, target.peer.extra()
    scale = REFERENCE_SECONDS / calibrate()
    bare_cpu, bare_memory = run_once(python, "pass", environment)
    programs = [(TIME, MEMORY, target.imports)]
    if target.ready:
        programs.append((READY_TIME, READY_MEMORY, f"{target.imports}\nclient = {target.ready}"))
    for time_column, memory_column, code in programs:
        cpu, memory = run_once(python, code, environment)
        result.cell(name, time_column).rounds.append((cpu - bare_cpu) * scale * 1e3)
        result.cell(name, memory_column).rounds.append((memory - bare_memory) / 2**20)


def run(settings: Settings) -> Result:
    """Measure every target in interleaved rounds, after one run that fills the byte-code caches."""
    columns = [TIME, MEMORY, READY_TIME, READY_MEMORY]
    result = Result("import", "Net CPU and memory of an import, beyond a bare interpreter", "openai", columns)
    targets = [t for t in TARGETS if not settings.only_peers or t.peer.name in settings.only_peers]
    for number in range(-1, settings.rounds):
        for target in targets:
            name = target.peer.name
            if name in result.skipped:
                continue
            if not interpreter(target.peer).exists():
                result.skipped[name] = f"no virtualenv .venv-{target.peer.venv}"
                continue
            try:
                if number < 0:
                    run_once(str(interpreter(target.peer)), target.imports, target.peer.extra())
                else:
                    measure(target, result)
            except (ImportFailed, subprocess.TimeoutExpired) as error:
                result.skipped[name] = str(error)
    return result


def main() -> None:
    """Entry point: this benchmark alone."""
    settings = parse_settings(__doc__ or "")
    result = run(settings)
    print(as_table(result), save(result, settings), sep="\n")


if __name__ == "__main__":
    main()
