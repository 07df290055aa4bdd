"""The house rules that can be counted: sizes, who may start a task, a test for every module, nothing of a machine."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 40

#: May be longer, up to this many lines, and why.
LONGER = {
    "nexevo_async/errors.py": 440,  # the tree of errors is one page to read; most of it is docstrings
}

#: Who may start a task, and what ends it.
STARTS_TASKS = {
    "nexevo_async/_host.py": "the host task of a client; its aclose ends it",
    "nexevo_async/_prober.py": "health checks at once, in a group that waits for them",
    "nexevo_async/_race.py": "a read asked elsewhere too; the loser is cancelled and waited for",
    "nexevo_async/_session.py": "closing that a caller's cancellation must not interrupt; it is waited for",
    "nexevo_async/batch/_job.py": "workers of a job, and its closing; the job's end and its aclose wait for them",
    "nexevo_async/client.py": "closing that a caller's cancellation must not interrupt; it is waited for",
    "nexevo_async/sandbox/listener.py": "accepts connections while the sandbox is open",
    "nexevo_async/sandbox/webhooks.py": "sends alerts while the sandbox is open",
    "nexevo_sync/_callbacks.py": "the wait for a thread of a job, which outlives the cancelling of who waits",
    "nexevo_sync/_crossing.py": "calls that come from other threads; closing the portal ends them",
}

#: Where the tests of a folder's modules are.
TESTS_OF = {
    "nexevo_async/_sansio": "tests/sansio",
    "nexevo_async/batch": "tests/batch",
    "nexevo_async/models": "tests/models",
    "nexevo_async/resources": "tests/resources",
    "nexevo_async/sandbox/handlers": "tests/sandbox",
    "nexevo_async/sandbox": "tests/sandbox",
    "nexevo_async/cli": "tests/cli",
    "nexevo_async/testing": "tests",
    "nexevo_async": "tests/core",
    "nexevo_sync": "tests/sync",
    "tools/syncgen": "tests/tools",
    "tools": "tests/tools",
}

#: Modules without a test file of their name, and the file that covers them: they are parts of what is tested there.
COVERED_BY = {
    "nexevo_async/_core.py": "tests/core/test_client.py",
    "nexevo_async/_failures.py": "tests/core/test_http.py",
    "nexevo_async/batch/row.py": "tests/batch/test_job.py",
    "nexevo_async/_sansio/actions.py": "tests/sansio/test_call.py",
    "nexevo_async/cli/__main__.py": "tests/core/test_cli.py",
    "nexevo_async/cli/demo.py": "tests/core/test_cli.py",
    "nexevo_async/cli/show.py": "tests/core/test_cli.py",
    "nexevo_sync/_callbacks.py": "tests/sync/test_facade.py",
    "nexevo_sync/_raw_pages.py": "tests/sync/test_facade.py",
    "nexevo_sync/_shapes.py": "tests/sync/test_facade.py",
    "tools/syncgen/methods.py": "tests/tools/test_generate_sync.py",
    "tools/syncgen/raw.py": "tests/tools/test_write_raw.py",
    "tools/syncgen/sources.py": "tests/tools/test_generate_sync.py",
    "tools/syncgen/wording.py": "tests/tools/test_generate_sync.py",
    "tools/syncgen/writing.py": "tests/tools/test_generate_sync.py",
    "nexevo_async/_decoders.py": "tests/core/test_codec.py",
    "nexevo_async/_headers.py": "tests/core/test_messages.py",
    "nexevo_async/_limits.py": "tests/core/test_http.py",
    "nexevo_async/_progress.py": "tests/core/test_http.py",
    "nexevo_async/_sender.py": "tests/core/test_http.py",
    "nexevo_async/_session.py": "tests/core/test_http.py",
    "nexevo_async/_version.py": "tests/test_packaging.py",
    "nexevo_async/models/_common.py": "tests/core/test_models_common.py",
    "nexevo_async/sandbox/accounts.py": "tests/sandbox/test_auth.py",
    "nexevo_async/sandbox/alerts.py": "tests/sandbox/test_keys.py",
    "nexevo_async/sandbox/chat_request.py": "tests/sandbox/test_chat.py",
    "nexevo_async/sandbox/database.py": "tests/sandbox/test_store.py",
    "nexevo_async/sandbox/embeddings.py": "tests/sandbox/test_openai_client.py",
    "nexevo_async/sandbox/endpoints.py": "tests/sandbox/test_box.py",
    "nexevo_async/sandbox/errors.py": "tests/sandbox/test_faults.py",
    "nexevo_async/sandbox/gateway.py": "tests/sandbox/test_faults.py",
    "nexevo_async/sandbox/generate.py": "tests/sandbox/test_chat.py",
    "nexevo_async/sandbox/handlers/_caller.py": "tests/sandbox/test_keys.py",
    "nexevo_async/sandbox/home.py": "tests/sandbox/test_box.py",
    "nexevo_async/sandbox/ledger.py": "tests/sandbox/test_store.py",
    "nexevo_async/sandbox/models_catalog.py": "tests/sandbox/test_chat.py",
    "nexevo_async/sandbox/money.py": "tests/sandbox/test_store.py",
    "nexevo_async/sandbox/passwords.py": "tests/sandbox/test_auth.py",
    "nexevo_async/sandbox/principal.py": "tests/sandbox/test_auth.py",
    "nexevo_async/sandbox/reply.py": "tests/sandbox/test_chat.py",
    "nexevo_async/sandbox/routing.py": "tests/sandbox/test_faults.py",
    "nexevo_async/sandbox/sabotage.py": "tests/sandbox/test_faults.py",
    "nexevo_async/sandbox/schema.py": "tests/sandbox/test_store.py",
    "nexevo_async/sandbox/selection.py": "tests/sandbox/test_chat.py",
    "nexevo_async/sandbox/spending.py": "tests/sandbox/test_keys.py",
    "nexevo_async/sandbox/sse.py": "tests/sandbox/test_chat.py",
    "nexevo_async/sandbox/users.py": "tests/sandbox/test_auth.py",
    "nexevo_async/sandbox/webhooks.py": "tests/sandbox/test_keys.py",
    "nexevo_async/testing/plugin.py": "tests/test_docs.py",
    "nexevo_sync/_batches.py": "tests/sync/test_portal.py",
    "nexevo_sync/_crossing.py": "tests/sync/test_portal.py",
    "nexevo_sync/_inbox.py": "tests/sync/test_portal.py",
}

#: Modules whose test file is still owed. Write one, and take the line out; nothing is added here.
OWED: set[str] = set()

#: Registries and machines of ours that must not be in any file; written so that this file does not hold them itself.
NEVER = re.compile(
    "|".join(
        [
            r"/(root|work|home/[a-z]\w*|Users/\w+)" + r"/",
            r"[A-Z]:\\+Users",
            r"(?<!\w)-?-?(extra-)?index" + r"[-_]url",
            r"/simple" + r"/",
            r"pythonhosted" + r"\.org",
            r"registry\.npm" + r"js",
        ]
    )
)


def modules(*folders: str) -> Iterator[Path]:
    """Source files written by hand, relative to the root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT)
            generated = name.parts[0] == "nexevo_sync" and not path.name.startswith("_")
            generated = generated or name == Path("nexevo_async/raw.py")
            if not generated and not (name.parts[0] == "nexevo_sync" and path.name == "__init__.py"):
                yield name


SOURCES = [*modules("nexevo_async", "nexevo_sync", "tools")]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def called(path: Path) -> set[str]:
    """The last names of everything a module calls."""
    calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in calls}


def lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its signature and its docstring."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_a_module_can_be_read_at_one_sitting() -> None:
    lines = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path: count for path, count in lines.items() if count > LONGER.get(path, MOST_LINES)} == {}


def test_a_function_fits_on_a_screen() -> None:
    lengths = {
        f"{path}:{node.name}": lines_of_body(node)
        for path in [*SOURCES, *modules("examples")]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}


def test_a_module_says_what_it_is_for() -> None:
    assert [str(path) for path in SOURCES if tree(path).body and not ast.get_docstring(tree(path))] == []


def test_only_known_places_start_tasks() -> None:
    starting = {str(path) for path in SOURCES if called(path) & {"create_task", "ensure_future"}}
    assert starting - set(STARTS_TASKS) == set()


def test_only_the_command_line_and_the_tools_print() -> None:
    printing = [path for path in SOURCES if "print" in called(path) and path.parts[0] != "tools"]
    assert [str(path) for path in printing if path.parts[1] != "cli" and path.name != "__main__.py"] == []


def test_every_module_has_a_test_file() -> None:
    def own_test(path: Path) -> Path:
        name = f"test_{path.stem.lstrip('_')}.py" if path.stem != "__init__" else ""
        return ROOT / TESTS_OF[str(path.parent)] / name

    wanted = [path for path in SOURCES if not path.stem.startswith("__")]
    excused = {*COVERED_BY, *OWED}
    missing = [str(path) for path in wanted if not own_test(path).is_file() and str(path) not in excused]
    assert missing == []
    settled = [str(path) for path in wanted if own_test(path).is_file() and str(path) in COVERED_BY]
    assert settled == [], "these have a test file of their own by now: take them out of COVERED_BY"


def test_the_lists_above_name_files_that_are_there() -> None:
    named = [*LONGER, *STARTS_TASKS, *COVERED_BY, *COVERED_BY.values()]
    assert [name for name in named if not (ROOT / name).is_file()] == []


def project_files() -> list[Path]:
    """Everything that is, or could be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git work tree")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_place_on_a_machine() -> None:
    found = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in NEVER.finditer(text)]
    assert found == []
