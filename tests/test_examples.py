"""Each example is run as a reader would run it: a process of its own, the environment, and every warning an error."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexevo_async.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[1] / "examples"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(bases=3, rate_limit=None) as box:
        yield box


def environment(box: Sandbox) -> dict[str, str]:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("NEXEVO_")}
    return {**quiet, "NEXEVO_API_KEY": box.api_key, "NEXEVO_BASE_URLS": ",".join(box.base_urls)}


def command(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]


def run(box: Sandbox, name: str, *arguments: str, say: str = "", **changes: str) -> tuple[int, str, str]:
    """Exit status, what it printed, and what it said on standard error."""
    done = subprocess.run(
        command(name, *arguments),
        input=say,
        env={**environment(box), **changes},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_every_example_is_run_here() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(re.findall(r'"(\w+\.py)"', tests))


def test_chat_prints_the_answer_and_stores_the_talk(box: Sandbox) -> None:
    status, out, err = run(box, "chat.py", "Is this on?")
    assert (status, out[:24]) == (0, 'You said: "Is this on?".')
    assert re.fullmatch(r"generation gen_\w+, trace trace-\w+\n", err)


def test_chat_with_a_wrong_key_says_so_in_one_line(box: Sandbox) -> None:
    status, out, err = run(box, "chat.py", NEXEVO_API_KEY="sk-xc-wrong")
    assert (status, out) == (1, "")
    assert "invalid_api_key" in err
    assert "sk-xc-wrong" not in err
    assert len(err.splitlines()) == 1


def test_stream_prints_the_words_and_the_usage(box: Sandbox) -> None:
    status, out, err = run(box, "stream.py", "Hello!")
    assert (status, out[:19]) == (0, 'You said: "Hello!".')
    assert re.fullmatch(r"\d+ tokens, stop\n", err)


def test_stream_says_that_an_answer_broke_off(box: Sandbox) -> None:
    box.fault(None, "stream_reset", after=3, count=1)
    status, out, err = run(box, "stream.py", "Hello!")
    assert (status, out[:3]) == (1, "You")
    assert "broke off" in err


def test_failover_loses_nothing_when_the_preferred_base_is_down(box: Sandbox) -> None:
    box.kill(0)
    try:
        status, out, err = run(box, "failover.py", "5")
    finally:
        box.revive(0)
    assert (status, err) == (0, "")
    assert "5 of 5 chats answered" in out
    assert f"{box.base_urls[0]} is ejected" in out


def test_rotate_key_switches_over_without_a_refusal(box: Sandbox) -> None:
    status, out, err = run(box, "rotate_key.py")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"\d+ calls, none refused\nthe old key is refused\n", out)


def test_batch_keeps_the_order_and_each_failure_beside_its_row(box: Sandbox) -> None:
    box.fault(None, "status", status=422, route="chat.completions.create", count=1)
    status, out, err = run(box, "batch.py", say="".join(f"question {number}\n" for number in range(30)))
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["question"] for row in rows] == [f"question {number}" for number in range(30)]
    assert sum("error" in row for row in rows) == 1
    assert status == 1
    assert re.fullmatch(r"29 answered, 1 failed, cost 0\.\d+ USD\n", err)


@pytest.mark.parametrize("name", ["batch.py", "chat.py"])
def test_without_a_key_one_sentence_says_so(box: Sandbox, name: str) -> None:
    status, out, err = run(box, name, NEXEVO_API_KEY="")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "there is no API key: set NEXEVO_API_KEY" in err


@POSIX
def test_web_service_streams_and_stops_on_ctrl_c(box: Sandbox) -> None:
    process = subprocess.Popen(
        command("web_service.py", "0"), env=environment(box), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        with urllib.request.urlopen(f"{address}/?q=Hi", timeout=10) as answer:
            assert answer.read().decode().startswith('You said: "Hi".')
        with urllib.request.urlopen(f"{address}/health", timeout=10) as answer:
            assert json.load(answer)[0] == {"url": box.base_urls[0], "state": "healthy"}
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
