"""Where the key comes from: text, a function, a coroutine; and that it shows itself nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nexevo_async._credentials import Credentials
from nexevo_async._redaction import redact_text
from nexevo_async.errors import ConfigurationError

KEY = "sk-xc-SECRETSECRET"


async def _rotating() -> str:
    return KEY


@pytest.mark.parametrize("api_key", [KEY, lambda: KEY, _rotating])
async def test_every_form_of_key_becomes_the_header(api_key: str | Callable[[], str]) -> None:
    credentials = Credentials(api_key)
    assert not credentials.missing
    assert await credentials.authorization() == f"Bearer {KEY}"
    assert "SECRET" not in repr(credentials)


async def test_a_function_is_asked_every_time() -> None:
    keys = iter(["sk-1", "sk-2"])
    credentials = Credentials(lambda: next(keys))
    assert credentials.bearer is None
    assert [await credentials.authorization(), await credentials.authorization()] == ["Bearer sk-1", "Bearer sk-2"]


async def test_no_key_is_no_header() -> None:
    assert Credentials(None).missing
    assert await Credentials(None).authorization() is None


@pytest.mark.parametrize("bad", ["", " ", "sk-\n1", " sk-1", "sk-ü", "sk-1\r\nX-Evil: 1"])
async def test_what_cannot_be_a_key_is_refused_without_showing_it(bad: str) -> None:
    with pytest.raises(ConfigurationError) as found:
        Credentials(bad)
    assert "sk-" not in str(found.value)
    with pytest.raises(ConfigurationError):
        await Credentials(lambda: bad).authorization()


@pytest.mark.parametrize("bad", [None, 5, b"sk-1"])
async def test_a_function_must_return_text(bad: object) -> None:
    with pytest.raises(ConfigurationError, match="must be text"):
        await Credentials(lambda: bad).authorization()  # type: ignore[arg-type, return-value]


async def test_every_key_that_was_given_is_known_to_what_cleans_text_and_no_other() -> None:
    keys = iter(["first/FIRST1", "second/SECOND2"])
    credentials = Credentials(lambda: next(keys))
    Credentials("fixed/FIXED3")
    assert redact_text("first/FIRST1 fixed/FIXED3") == "first/FIRST1 [hidden]"
    await credentials.authorization()
    await credentials.authorization()
    assert redact_text("first/FIRST1 second/SECOND2") == "[hidden] [hidden]"
