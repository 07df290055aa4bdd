"""The types of the raw view: every method is there, with what it gives there, and at run time nobody pays for them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import nexevo_async.raw
import nexevo_async.resources

ROOT = Path(__file__).resolve().parents[2]

#: What gives the same on the raw view: it makes no call, or a stream, or gives no answer of the service.
SAME = {
    "ChatCompletions.stream": "ChatStreamManager",
    "Endpoints.check": "tuple[EndpointStatus, ...]",
    "Endpoints.refresh": "tuple[EndpointStatus, ...]",
    "Endpoints.snapshot": "tuple[EndpointStatus, ...]",
}
EITHER = {"ChatCompletions.create": "RawResponse[ChatCompletion] | ChatStream"}


# What is written


def methods(package: str) -> dict[str, Any]:
    """The public methods of all resources, as ``Keys.list``."""
    names = [info.name for info in pkgutil.iter_modules(nexevo_async.resources.__path__)]
    modules = [importlib.import_module(f"{package}.resources.{name}") for name in names if not name.startswith("_")]
    return {
        f"{cls.__name__}.{name}": member
        for module in modules
        for cls in vars(module).values()
        if inspect.isclass(cls) and cls.__module__ == module.__name__
        for name, member in vars(cls).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


def raw_type(name: str, given: str) -> str:
    """What a method gives on the raw view."""
    if name in EITHER:
        return EITHER[name]
    return f"Raw{given}" if given.startswith("Pages[") else f"RawResponse[{given}]"


@pytest.mark.parametrize("package", ["nexevo_async", "nexevo_sync"])
def test_every_method_of_a_resource_has_its_raw_twin(package: str) -> None:
    """The same arguments, and an answer that is not read yet."""
    raw = importlib.import_module(f"{package}.raw")
    found = methods(package)
    assert len(found) > 45
    assert {name: inspect.signature(found[name]).return_annotation for name in SAME} == SAME
    for name, method in found.items():
        cls, _, attribute = name.partition(".")
        if cls == "Endpoints":
            assert not hasattr(raw, "RawEndpoints")
            continue
        twin = getattr(getattr(raw, f"Raw{cls}"), attribute)
        before, after = inspect.signature(method), inspect.signature(twin)
        assert [*after.parameters.values()] == [*before.parameters.values()]
        assert inspect.iscoroutinefunction(twin) is inspect.iscoroutinefunction(method)
        assert after.return_annotation == SAME.get(name, raw_type(name, before.return_annotation))
        assert inspect.getdoc(twin) == (inspect.getdoc(method) or "").partition("\n\n")[0]


@pytest.mark.parametrize(("package", "client"), [("nexevo_async", "AsyncNexevo"), ("nexevo_sync", "Nexevo")])
def test_the_raw_client_leads_to_them(package: str, client: str) -> None:
    """A new attribute of the client changes this list."""
    raw = getattr(importlib.import_module(f"{package}.raw"), f"Raw{client}")
    members = {name: getattr(member, "fget", member) for name, member in vars(raw).items() if not name.startswith("_")}
    assert {name: inspect.signature(member).return_annotation for name, member in members.items()} == {
        "auth": "RawAuth",
        "batch": f"Batch[Raw{client}]",
        "billing": "RawBilling",
        "chat": "RawChat",
        "conversations": "RawConversations",
        "embeddings": "RawEmbeddings",
        "endpoints": "Endpoints",
        "feedback": "RawFeedbackResource",
        "is_closed": "bool",
        "keys": "RawKeys",
        "models": "RawModels",
        "organizations": "RawOrganizations",
        "request": "RawResponse[T]",
        "sub_accounts": "RawSubAccounts",
        "with_options": "Self",
    }
    given = inspect.signature(nexevo_async.raw.RawChat.completions.fget).return_annotation  # type: ignore[attr-defined]
    assert given == "RawChatCompletions"


def test_the_types_are_not_imported_at_run_time() -> None:
    """They are for type checkers, and importing them would cost every program."""
    program = (
        "import sys; from nexevo_async import AsyncNexevo; from nexevo_sync import Nexevo;"
        "AsyncNexevo('k').with_raw_response.keys; Nexevo('k').with_raw_response.keys;"
        "print([name for name in sys.modules if name.startswith('nexevo') and 'raw' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# The tool


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The tool, and the one that makes the blocking twin of what it writes; their helpers lie beside them."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("write_raw"), importlib.import_module("generate_sync")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Both packages, to be spoiled."""
    for package in ("nexevo_async", "nexevo_sync"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_committed_file_is_what_would_be_written(tools: tuple[Any, Any]) -> None:
    """The same as `make check` does."""
    assert tools[0].main(["--check"]) == 0


def test_the_check_notices_what_differs_and_what_is_missing(
    tools: tuple[Any, Any], copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And writing repairs it."""
    file = copy / "nexevo_async" / "raw.py"
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace("RawPages[Key]", "RawPages[Any]"), encoding="utf-8")
    assert tools[0].main(["--check"], root=copy) == 1
    file.unlink()
    assert tools[0].main(["--check"], root=copy) == 1
    assert capsys.readouterr().err == "nexevo_async/raw.py is missing or out of date: run make generate\n" * 2
    assert tools[0].main([], root=copy) == 0
    assert file.read_text(encoding="utf-8") == whole


HUM = '''    __slots__ = ()

    async def hum(self, key_id: str, *, tone: Tone = "low") -> Key:
        """
        Let a key hum, as in ``await client.keys.hum("k")``.

        It is not loud.
        """
        raise NotImplementedError
'''


def hum(file: Path, tone: str) -> None:
    """Give the resource of a module a method, which needs a name of that module."""
    text = file.read_text(encoding="utf-8").replace("    __slots__ = ()\n", HUM, 1)
    file.write_text(re.sub(r"^class ", f"Tone = {tone}\n\n\nclass ", text, count=1, flags=re.M), encoding="utf-8")


def test_a_new_method_needs_no_edit_by_hand(tools: tuple[Any, Any], copy: Path) -> None:
    """In either package, with the names that it needs."""
    hum(copy / "nexevo_async" / "resources" / "keys.py", "str | int")
    for tool in tools:
        assert tool.main([], root=copy) == 0
    written = (copy / "nexevo_async" / "raw.py").read_text(encoding="utf-8")
    assert re.search(r"^from nexevo_async\.resources\.keys import Tone$", written, re.MULTILINE)
    assert (
        '    async def hum(self, key_id: str, *, tone: Tone = "low") -> RawResponse[Key]:\n'
        '        """Let a key hum, as in ``await client.keys.hum("k")``."""\n'
    ) in written
    written = (copy / "nexevo_sync" / "raw.py").read_text(encoding="utf-8")
    assert re.search(r"^from nexevo_async\.resources\.keys import Tone$", written, re.MULTILINE)
    assert (
        '    def hum(self, key_id: str, *, tone: Tone = "low") -> RawResponse[Key]:\n'
        '        """Let a key hum, as in ``client.keys.hum("k")``."""\n'
    ) in written


def test_two_things_of_one_name_are_refused(tools: tuple[Any, Any], copy: Path) -> None:
    """All resources are in one module there."""
    for name in ("keys", "models"):
        hum(copy / "nexevo_async" / "resources" / f"{name}.py", "str")
    with pytest.raises(ValueError, match=r"Tone is one thing in resources\.models, and elsewhere another"):
        tools[0].main([], root=copy)
