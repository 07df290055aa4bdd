"""The blocking client in processes of its own: Ctrl-C, forks, exits, event loops, a notebook, and 64 threads."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexevo_async.sandbox import Sandbox
from tests.sync import soak

ROOT = Path(__file__).parents[2]
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

#: Since 3.12 Python warns of every fork beside a thread. That it goes well all the same is what is tested here.
FORKING = ("-W", "ignore:This process:DeprecationWarning")

PREAMBLE = """
import asyncio, os, random, signal, sys, threading, time
from nexevo_sync import ClientClosedError, Nexevo

MESSAGES = [{"role": "user", "content": "Hello there, what is new?"}]
client = Nexevo()

def chat():
    return client.chat.completions.create(model="nexevo/fast", messages=MESSAGES).choices[0].finish_reason

def stream():
    return client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, stream=True)
"""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(2, rate_limit=None) as box:
        yield box


def environment(box: Sandbox) -> dict[str, str]:
    return os.environ | {"NEXEVO_API_KEY": box.api_key, "NEXEVO_BASE_URLS": " ".join(box.base_urls)}


def run(box: Sandbox, script: str, *options: str) -> tuple[int, str, str]:
    """Run a script in a fresh interpreter: exit status, what it printed, and what it complained about."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, *FORKING, "-c", PREAMBLE + textwrap.dedent(script)],
        cwd=ROOT,
        env=environment(box),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def quiet(box: Sandbox) -> bool:
    """Whether no request is under way and no connection is open, after a moment."""
    for _ in range(300):
        if not any(box.in_flight(base) or box.connections(base) for base in (0, 1)):
            return True
        time.sleep(0.01)
    return False


# Ctrl-C


@POSIX
def test_ctrl_c_at_20_random_moments_of_a_call_is_raised_once_each(box: Sandbox) -> None:
    """No connection, no slot and no thread is lost: with two connections, two lost ones would be the end."""
    script = """
    client = Nexevo(max_connections=2)
    dice = random.Random(3)
    interrupts = 0
    for turn in range(20):
        bell = threading.Timer(dice.uniform(0, 0.03), os.kill, (os.getpid(), signal.SIGINT))
        try:
            bell.start()
            while True:
                if turn % 2:
                    with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as chunks:
                        list(chunks)
                else:
                    chat()
        except KeyboardInterrupt:
            interrupts += 1
        bell.join()
    print(interrupts, chat(), threading.active_count())
    client.close()
    """
    assert run(box, script) == (0, "20 stop 2", "")
    assert quiet(box)


@POSIX
def test_ctrl_c_while_a_service_does_not_answer_ends_the_request_there(box: Sandbox) -> None:
    """The interrupt that nobody catches ends the script like any other."""
    box.fault(None, "hang")
    script = """
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    chat()
    """
    status, printed, complaint = run(box, script)
    assert (status, printed) == (-signal.SIGINT, "")
    assert complaint.splitlines()[-1] == "KeyboardInterrupt"
    assert complaint.count("Traceback") == 1
    assert quiet(box)


# Fork


@FORKS
def test_a_client_used_before_multiprocessing_forks_works_in_every_worker(box: Sandbox) -> None:
    """And in the parent, at the same time."""
    script = """
    import multiprocessing

    def job(number):
        answer = client.chat.completions.create(
            model="nexevo/fast", messages=[{"role": "user", "content": f"number {number}."}]
        )
        return f"number {number}." in answer.choices[0].message.content

    chat()
    with multiprocessing.get_context("fork").Pool(3) as pool:
        waiting = pool.map_async(job, range(12))
        mine = [job(number) for number in range(100, 112)]
        print(set(waiting.get(20)) | set(mine), chat())
    """
    assert run(box, script) == (0, "{True} stop", "")


@FORKS
def test_a_stream_goes_on_in_the_parent_of_a_fork_and_is_refused_in_the_child(box: Sandbox) -> None:
    """Neither side reads a byte of the other."""
    script = """
    open_one = stream()
    text = next(open_one).text
    pid = os.fork()
    if not pid:
        signal.alarm(10)
        try:
            open_one.final()
        except RuntimeError as error:
            os._exit(0 if "before a fork" in str(error) and chat() == "stop" else 1)
        os._exit(2)
    status = os.waitpid(pid, 0)[1]
    print(status, open_one.final().choices[0].finish_reason, chat())
    """
    assert run(box, script) == (0, "0 stop stop", "")


APPLICATION = """
import os
from nexevo_sync import Nexevo

client = Nexevo()
client.models.list()  # used in the master, before the workers are forked

def application(environ, start_response):
    answer = client.chat.completions.create(model="nexevo/fast", messages=[{"role": "user", "content": "Hi"}])
    states = {status.state for status in client.endpoints.check()}
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {os.getppid()} {answer.choices[0].finish_reason} {sorted(states)}".encode()]
"""


@FORKS
def test_gunicorn_forks_workers_that_share_a_client_made_in_the_master(box: Sandbox, tmp_path: Path) -> None:
    """`--preload` is the case: the client, its thread and its connections are there before the fork."""
    pytest.importorskip("gunicorn")
    (tmp_path / "application.py").write_text(APPLICATION, encoding="utf-8")
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0", "application"]
    path = f"{ROOT}{os.pathsep}{tmp_path}"
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(box) | {"PYTHONPATH": path}, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            log, found = "", None
            while found is None:
                log += server.stderr.readline()
                found = re.search(r"Listening at: (http://\S+)", log)
            told = [urllib.request.urlopen(found[1], timeout=20).read().decode().split() for _ in range(12)]
        finally:
            server.terminate()
        log += server.stderr.read()
    assert {worker[2] for worker in told} == {"stop"}
    assert {worker[1] for worker in told} == {str(server.pid)}
    assert server.pid not in {int(worker[0]) for worker in told}
    assert "Traceback" not in log
    assert server.returncode == 0


# Exit


EXITS = {
    "never closed": "chat()",
    "streams are open": "kept = [stream() for _ in range(3)]; next(kept[0])",
    "a stream is open in a with block": """
        with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as kept:
            next(kept)
            sys.exit(0)
        """,
    "daemon threads call on and on": """
        def hammer():
            while True:
                chat()
        for _ in range(8):
            threading.Thread(target=hammer, daemon=True).start()
        chat()
        """,
    "a daemon thread reads a stream": """
        threading.Thread(target=lambda: [time.sleep(0.01) for _ in stream()], daemon=True).start()
        chat()
        """,
    "a thread is still in a call": "threading.Thread(target=chat).start()",
    "the client is closed at exit": "import atexit; atexit.register(client.close); chat()",
    "a client in a cycle": """
        class Owner:
            def __init__(self):
                self.client, self.me = Nexevo(), self
                self.client.models.list()
        Owner()
        """,
    "os._exit": "chat(); os._exit(0)",
}


@pytest.mark.parametrize("script", EXITS.values(), ids=EXITS)
def test_the_interpreter_exits_without_a_hang_and_without_a_word(box: Sandbox, script: str) -> None:
    """Nothing is printed: no traceback, no "Event loop is closed", no warning."""
    began = time.monotonic()
    assert run(box, script) == (0, "", "")
    assert time.monotonic() - began < 15


def test_a_client_that_is_dropped_open_warns_once(box: Sandbox) -> None:
    """One `ResourceWarning` of ours, and none about sockets or sessions."""
    status, printed, complaint = run(
        box, "chat(); del client; import gc; gc.collect()", "-W", "always::ResourceWarning"
    )
    assert (status, printed) == (0, "")
    assert complaint.count(": ResourceWarning: ") == 1
    assert "never closed; use `with`" in complaint


# Event loops


def test_inside_a_running_loop_it_works_and_warns_once(box: Sandbox) -> None:
    """The warning names the line, and what to use instead."""
    script = """
    async def main():
        print(chat(), chat(), len(client.models.list()) > 0)
        print(await asyncio.to_thread(chat))

    asyncio.run(main())
    asyncio.run(main())
    """
    status, printed, complaint = run(box, script)
    assert (status, printed) == (0, "\n".join(["stop stop True", "stop"] * 2))
    assert complaint.count("RuntimeWarning") == 1
    assert "use `AsyncNexevo` from nexevo_async" in complaint


CELLS = """
import warnings
from nexevo_sync import Nexevo
client = Nexevo()

with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    answers = [client.models.list()[0].id for _ in range(3)]
print(len(seen), answers[0])

messages = [{"role": "user", "content": "Hello there!"}]
with client.chat.completions.stream(model="nexevo/fast", messages=messages) as stream:
    print("Hello there!" in "".join(stream.text()))

async def again():
    return client.models.list()[0].id
print(await again() == answers[0])

client

client.close()
client.is_closed
"""


def test_a_notebook_uses_a_client_across_cells(box: Sandbox, tmp_path: Path) -> None:
    """Cells run inside a running loop; the client lives from one to the next, and warns once."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS.strip().split("\n\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    script = tmp_path / "execute.py"
    script.write_text(
        "import sys, nbformat, nbclient\n"
        "notebook = nbformat.read(sys.argv[1], 4)\n"
        "nbclient.NotebookClient(notebook, timeout=40, kernel_name='python3').execute()\n"
        "for cell in notebook.cells:\n"
        "    print(''.join(out.get('text') or out.data['text/plain'] for out in cell.outputs).strip())\n",
        encoding="utf-8",
    )
    nbformat.write(notebook, tmp_path / "notebook.ipynb")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "notebook.ipynb")],
        cwd=ROOT,
        env=environment(box)
        | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    urls = ", ".join(box.base_urls)
    assert done.stdout.splitlines() == ["", "1 nexevo/fast", "True", "True", f"<Nexevo {urls}>", "True"]
    assert nbclient


# Many threads


@FORKS
@POSIX
def test_64_threads_forks_interrupts_and_closes_for_5_seconds() -> None:
    """Nothing is lost, mixed up or left waiting; `make soak` takes longer."""
    result = soak.run(5)
    assert {name: result[name] for name in ("failures", "first", "hung", "left")} == {
        "failures": 0,
        "first": [],
        "hung": 0,
        "left": [],
    }
    assert min(result["calls"], result["forks"], result["interrupts"], result["closed"]) >= 1
