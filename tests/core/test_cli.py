"""The ``nexevo`` command, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nexevo_async.cli import main


def run(*arguments: str, seconds: float = 55) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "nexevo_async.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def test_the_demo_loses_nothing_and_says_so_in_json() -> None:
    """One run of the whole demo: every part used, a base killed and taken back, exit status 0."""
    done = run("demo", "--json")
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert (summary["ok"], summary["calls"], summary["failed"], summary["lost"]) == (True, 500, 0, 0)
    assert summary["time_to_fail_over"] < 5
    assert summary["time_to_return"] < 20
    assert summary["steps"]["billing"].startswith("10.0")
    assert set(summary["steps"]) == {
        "discovered",
        "chat",
        "stream",
        "conversation",
        "keys",
        "billing",
        "organization",
        "sub_accounts",
    }


def test_an_unknown_command_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["nonsense"])
    assert left.value.code == 2
    assert "demo" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("nexevo ")


def test_ctrl_c_while_a_command_is_still_imported_is_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nexevo_async.cli._add_sandbox", interrupted)
    try:
        status = main(["sandbox"])
    except KeyboardInterrupt:  # which would end the whole run of tests
        pytest.fail("Ctrl-C came through", pytrace=False)
    assert status == 130
    assert capsys.readouterr() == ("", "stopped\n")
