"""Response headers that hide their own secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nexevo_async._redaction import redact_header

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy


class Headers(Mapping[str, str]):
    """
    Response headers: a read-only mapping whose names ignore case.

    The repr shows only names known to be harmless; every other value is hidden.
    Iteration yields names as they arrived; a name that came twice yields its first value (`getall` has all).
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: CIMultiDictProxy[str]) -> None:
        self._raw = raw

    @classmethod
    def of(cls, items: Mapping[str, str] | list[tuple[str, str]]) -> Headers:
        """Headers from plain pairs."""
        from multidict import CIMultiDict, CIMultiDictProxy  # comes with aiohttp, which is imported on first use

        return cls(CIMultiDictProxy(CIMultiDict(items)))

    def __getitem__(self, name: str) -> str:
        return self._raw[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._raw))

    def __len__(self) -> int:
        return len(set(map(str.lower, self._raw)))

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def get(self, name: str, default: Any = None) -> Any:
        """The first value of a name, or the default."""
        return self._raw.get(name, default)

    def getall(self, name: str) -> list[str]:
        """Every value of a name, in order; an empty list when there is none."""
        return self._raw.getall(name, [])

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}: {redact_header(name, value)}" for name, value in self._raw.items())
        return f"<Headers {shown}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Headers.of, (list(self._raw.items()),))
