"""The caller's line in warnings."""

from __future__ import annotations

import inspect
import threading
import warnings
from typing import Any

import pytest

from nexevo_async._call_site import call_site, warn_unended


def here() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_the_site_is_the_first_line_outside_the_library() -> None:
    assert call_site() == (__file__, here())


def test_frames_of_the_library_and_of_asyncio_are_passed_over() -> None:
    names: dict[str, Any] = {"call_site": call_site, "__name__": "nexevo_async.inside"}
    exec("def inner(): return call_site()", names)
    assert names["inner"]() == (__file__, here())


def test_a_stack_without_a_caller_has_no_site() -> None:
    found: list[object] = ["nothing yet"]
    names: dict[str, Any] = {"call_site": call_site, "found": found, "__name__": "nexevo_async.inside"}
    exec("def inner(): found[0] = call_site()", names)
    worker = threading.Thread(target=names["inner"])
    worker.start()
    worker.join()
    assert found == [None]


def test_the_warning_names_what_and_where() -> None:
    with pytest.warns(ResourceWarning, match=r"^a stream opened at app\.py:3 was dropped before its end") as caught:
        warn_unended("a stream", ("app.py", 3), object())
    assert (caught[0].filename, caught[0].lineno) == ("app.py", 3)


def test_the_warning_does_without_a_place() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_unended("a stream", None, object())
    assert str(caught[0].message).startswith("a stream was dropped before its end; use `async with`")
