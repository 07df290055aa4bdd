"""The version, from the installed package: one place to change it (`pyproject.toml`)."""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """The installed version, such as ``0.1.0``; ``0`` when run from a folder that is not installed."""
    from importlib import metadata  # 20 ms to import, and only asked for on demand

    try:
        return metadata.version("nexevo")
    except metadata.PackageNotFoundError:
        return "0"


@cache
def user_agent() -> str:
    """How the client introduces itself."""
    return f"nexevo-python/{version()}"
