"""What is shipped: true metadata, typing markers, entry points that can be loaded, imports that are declared."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import nexevo_async

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
PACKAGES = ("nexevo_async", "nexevo_sync")

#: Come with a declared dependency, which has them in its own public names.
COMES_WITH = {"multidict": "aiohttp", "yarl": "aiohttp"}
#: Used only where they are there: the pytest plugin.
OPTIONAL = {"pytest", "pytest_asyncio"}


def declared(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s<>=!~;\[]", requirement)[0].lower() for requirement in requirements}


def test_the_version_is_told_by_the_installed_package() -> None:
    assert nexevo_async.__version__ == metadata.version("nexevo") == PROJECT["version"]


@pytest.mark.parametrize("package", PACKAGES)
def test_both_packages_tell_type_checkers_that_they_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    assert package in SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_the_command_and_the_pytest_plugin_can_be_loaded() -> None:
    points = metadata.distribution("nexevo").entry_points
    assert {(point.group, point.name, point.value) for point in points} == {
        ("console_scripts", "nexevo", "nexevo_async.cli:main"),
        ("pytest11", "nexevo", "nexevo_async.testing.plugin"),
    }
    assert all(point.load() is not None for point in points)


def test_what_the_metadata_points_to_is_there() -> None:
    include = SETTINGS["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    named = [PROJECT["readme"], *PROJECT["license-files"], *include]
    assert [name for name in named if not (ROOT / name).exists()] == []


def imported(package: str) -> set[str]:
    """Every package that is imported somewhere in the source, but for Python's own and ours."""
    found: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_import_is_declared_as_a_dependency_or_an_extra(package: str) -> None:
    extras = [requirement for group in PROJECT["optional-dependencies"].values() for requirement in group]
    allowed = declared(PROJECT["dependencies"]) | declared(extras) | OPTIONAL
    assert {COMES_WITH.get(name, name) for name in imported(package)} <= allowed


def test_there_are_five_dependencies_at_run_time() -> None:
    assert declared(PROJECT["dependencies"]) == {"aiohttp", "anyio", "attrs", "cattrs", "orjson"}


def test_importing_the_package_loads_none_of_them() -> None:
    heavy = sorted({"aiohttp", "anyio", "attr", "cattrs", "orjson", "asyncio", "rich"})
    script = f"import nexevo_async, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="hatchling, the build backend, is not installed"
)
def test_the_wheel_holds_both_packages_and_nothing_else(tmp_path: Path) -> None:
    script = f"import hatchling.build; print(hatchling.build.build_wheel({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=50, check=True
    )
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {*PACKAGES, f"nexevo-{PROJECT['version']}.dist-info"}


@pytest.mark.parametrize("package", ["aiohttp", "anyio", "attrs", "cattrs", "orjson"])
def test_the_installed_release_is_not_older_than_the_declared_bound(package: str) -> None:
    bound = next(requirement for requirement in PROJECT["dependencies"] if requirement.startswith(package))
    least = tuple(map(int, re.search(r">=([\d.]+)", bound)[1].split(".")))  # type: ignore[index]  # every one has a bound
    assert tuple(map(int, metadata.version(package).split(".")[: len(least)])) >= least


def test_the_changelog_begins_with_what_is_not_released_or_with_the_present_version() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] in ("Unreleased", PROJECT["version"])
