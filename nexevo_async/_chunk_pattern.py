"""
Chunks of one stream that differ in nothing but their text, which most of them do: only the text is read anew.

A server writes id, model and the like into every chunk. Once one was read in full, the bytes before and after its text
are known to mean the same in the next one, because JSON in which one value takes the place of another is the same JSON
but for that value. A chunk then costs half of what reading all of it costs (`benchmarks/instructions.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Self

import orjson

from nexevo_async._decoders import draft_of
from nexevo_async.models._common import declared
from nexevo_async.models.chat import ChatCompletionChunk, ChunkChoice, Delta

#: A content as it is written. Whether it is that of the delta is not for this expression to know.
_CONTENT: Final = re.compile(rb'"content":\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_PROBE: Final = "?"


class ChunkPattern:
    """A chunk as the pattern of those that are like it but for their text."""

    __slots__ = ("_after", "_before", "_copy", "_end", "_models", "_raws", "_start")

    def __init__(self, before: bytes, after: bytes, data: dict[str, Any], chunk: ChatCompletionChunk) -> None:
        self._before, self._start = before, len(before)
        self._after, self._end = after, -len(after)
        self._copy = _copier()
        choice = data["choices"][0]
        self._models = (chunk, chunk.choices[0], chunk.choices[0].delta)
        # A field that is missing in the JSON behind a model is taken from the attributes: so all copies share it.
        self._raws = (_without(data, "choices"), _without(choice, "delta"), _without(choice["delta"], "content"))

    @classmethod
    def of(cls, event: bytes, data: dict[str, Any], chunk: ChatCompletionChunk) -> Self | None:
        """
        The pattern of a chunk; None if it is too special to be one.

        Args:
            event: The chunk as it came.
            data: The same as decoded JSON.
            chunk: The same as a model.
        """
        found = _CONTENT.search(event)
        if found is None or len(chunk.choices) != 1:
            return None
        choice = data["choices"][0]
        delta = choice.get("delta")
        # What could be changed must not be shared by two chunks.
        if not (_is_flat(data, "choices") and _is_flat(choice, "delta") and delta is not None and _is_flat(delta)):
            return None
        before, after = event[: found.start(1)], event[found.end(1) :]
        # Shows that it is the delta's content that stands there: not one inside a text, nor the first of two.
        expected = {**data, "choices": [{**choice, "delta": {**delta, "content": _PROBE}}]}
        if orjson.loads(before + orjson.dumps(_PROBE) + after) != expected:
            return None
        return cls(before, after, data, chunk)

    def read(self, event: bytes) -> ChatCompletionChunk | None:
        """The chunk if it is like this one but for its text, else None."""
        if not event.startswith(self._before) or not event.endswith(self._after):
            return None
        try:
            text = orjson.loads(event[self._start : self._end])
        except ValueError:
            return None
        return self._copy(self._models, self._raws, text) if type(text) is str else None


Copy = Callable[[tuple[Any, ...], tuple[Any, ...], str], ChatCompletionChunk]


@cache
def _copier() -> Copy:
    """The function that copies a chunk with another text, written out like the decoders and for the same reason."""
    names: dict[str, Any] = {}
    text = [
        "def copy(models, raws, text):",
        "chunk, choice, delta = models",
        "chunk_raw, choice_raw, delta_raw = raws",
        *_copying(names, Delta, "delta", content="text"),
        *_copying(names, ChunkChoice, "choice", delta="new_delta"),
        *_copying(names, ChatCompletionChunk, "chunk", choices="[new_choice]"),
        "return new_chunk",
    ]
    exec("\n    ".join(text), names)  # noqa: S102 - the text is made of field names of our own classes
    copy: Copy = names["copy"]
    return copy


def _copying(names: dict[str, Any], cls: type[Any], name: str, **changed: str) -> list[str]:
    """Lines that make ``new_name`` of ``name``."""
    names |= {f"{name}_draft": draft_of(cls), f"{name}_class": cls}
    fields = [field.name for field in declared(cls)]
    return [
        f"new_{name} = {name}_draft()",
        f"new_{name}._raw = {name}_raw",
        f"new_{name}._head = None",
        *(f"new_{name}.{field} = {changed.get(field, f'{name}.{field}')}" for field in fields),
        f"new_{name}.__class__ = {name}_class",
    ]


def _is_flat(data: dict[str, Any], but: str = "") -> bool:
    """Whether an object holds plain values only, except under one name."""
    return all(name == but or not isinstance(value, dict | list) for name, value in data.items())


def _without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}
