"""``python -m nexevo_async.sandbox``: ready lines for people and programs, options, and a clean end on a signal."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import sys
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from nexevo_async.sandbox.__main__ import add_arguments, from_arguments, main

Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    running: list[Process] = []

    async def start(*arguments: str) -> Process:
        command = ("-m", "nexevo_async.sandbox", *arguments)
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE, stderr=PIPE)
        running.append(process)
        return process

    yield start
    for process in running:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def stopped(process: Process, number: signal.Signals) -> tuple[int | None, bytes, bytes]:
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 10)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_json_is_one_line_and_a_signal_ends_it_cleanly(start: Start, number: signal.Signals) -> None:
    process = await start("--json", "--bases", "2", "--rate-limit", "none", "--api-key", "sk-xc-cli")
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    assert ready["api_key"] == "sk-xc-cli"
    assert len(ready["base_urls"]) == 2
    assert ready["base_url"] == ready["base_urls"][0]
    assert {"discovery_url", "control_url"} <= ready.keys()
    request = urllib.request.Request(f"{ready['base_url']}/v1/models", headers={"Authorization": "Bearer sk-xc-cli"})
    with await asyncio.to_thread(urllib.request.urlopen, request) as answer:
        assert answer.status == 200
        assert answer.headers["X-RateLimit-Remaining"] is None
    assert await stopped(process, number) == (0, b"", b"")


async def test_people_get_a_snippet_to_paste(start: Start) -> None:
    process = await start("--api-key", "sk-xc-cli")
    assert process.stdout is not None
    text = (await process.stdout.readuntil(b"Ctrl-C ends it.\n")).decode()
    assert "export NEXEVO_API_KEY=sk-xc-cli" in text
    assert "/v1/chat/completions" in text
    assert await stopped(process, signal.SIGINT) == (0, b"\nThe sandbox is closed.\n", b"")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bases", "0"], "bases must be at least 1, got 0"),
        (["--bases", "2", "--ports", "1"], "ports must name 2 ports"),
        (["--upstream", "localhost"], "upstream must be an http:// or https:// address"),
        (["--db", "/no/such/folder/state.db"], "cannot open state.db"),
    ],
)
def test_mistakes_are_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"nexevo sandbox: {message}")


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--ports", str(port)]) == 1
    assert f"port {port} cannot be opened: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ports", "a,b"], "argument --ports: must be whole numbers with commas between, such as 8001,8002"),
        (["--rate-limit", "few"], 'argument --rate-limit: must be a whole number, or "none"'),
    ],
)
def test_options_that_cannot_be_read_say_what_is_wanted(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


def test_a_file_of_another_program_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to look like something " * 50)
    assert main(["--db", str(tmp_path / "notes.txt")]) == 1
    assert "not a database" in capsys.readouterr().err


def test_options_of_another_command_line_make_the_same_box() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args(["--bases", "2", "--rate-limit", "7", "--ports", "0,0", "--token-delay", "0.5"])
    with from_arguments(arguments) as box:
        assert len(box.base_urls) == 2
