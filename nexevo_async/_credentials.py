"""The API key, asked for at the last moment and never kept in a request."""

from __future__ import annotations

import inspect

from nexevo_async._redaction import remember_secret
from nexevo_async.config import ApiKey, checked_key
from nexevo_async.errors import ConfigurationError


class Credentials:
    """
    Where the key comes from.

    Args:
        api_key: The key, a function that returns it, or None if there is none.

    Raises:
        ConfigurationError: It is text that cannot be a key.
    """

    __slots__ = ("_api_key", "bearer")

    def __init__(self, api_key: ApiKey | None) -> None:
        if api_key is not None and not isinstance(api_key, str) and not callable(api_key):
            raise ConfigurationError(f"api_key must be text or a function returning it; got {type(api_key).__name__}")
        self._api_key = api_key
        #: What goes into the header, if it is known without asking.
        self.bearer = _bearer(api_key) if isinstance(api_key, str) else None

    @property
    def missing(self) -> bool:
        """Whether there is neither a key nor anybody to ask for one."""
        return self._api_key is None

    async def authorization(self) -> str | None:
        """
        The value of the `Authorization` header; None if there is no key.

        Raises:
            ConfigurationError: The function returned something that cannot be a key.
        """
        if self.bearer is not None or self._api_key is None:
            return self.bearer
        key = self._api_key()  # type: ignore[operator]  # text has been dealt with above
        return _bearer(await key if inspect.isawaitable(key) else key)

    def __repr__(self) -> str:
        return "<Credentials>"


def _bearer(key: object) -> str:
    checked = checked_key(key)
    remember_secret(checked)
    return f"Bearer {checked}"
