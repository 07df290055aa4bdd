"""Where in the caller's code something began, for warnings about things that were never ended."""

from __future__ import annotations

import sys
import warnings

#: File and line.
Site = tuple[str, int]

_OURS = frozenset({"asyncio", "nexevo_async", "nexevo_sync", "threading"})


def call_site() -> Site | None:
    """The caller's line outside this library, or None if there is none on this stack."""
    frame = sys._getframe(1)  # inspect.stack would read source files
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _OURS:
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return None


def warn_unended(what: str, site: Site | None, source: object) -> None:
    """One `ResourceWarning` that names the line where `what` began."""
    where = "" if site is None else f" opened at {site[0]}:{site[1]}"
    filename, line = site or (__file__, 0)
    message = f"{what}{where} was dropped before its end; use `async with`, or await its aclose()"
    warnings.warn_explicit(message, ResourceWarning, filename, line, source=source)
