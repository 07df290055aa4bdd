"""``client.auth``."""

from __future__ import annotations

from typing import Any

import pytest

from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.auth import Auth
from tests.resources.conftest import ScriptedTransport

PASSWORD = "correct horse"

CALLS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "me": ({}, "GET /v1/auth/me", None),
    "update_profile": ({"full_name": "Ada"}, "PATCH /v1/auth/me", {"full_name": "Ada"}),
    "change_password": (
        {"current_password": PASSWORD, "new_password": "n"},
        "POST /v1/auth/change-password",
        {"current_password": PASSWORD, "new_password": "n"},
    ),
    "two_fa_status": ({}, "GET /v1/auth/2fa/status", None),
    "two_fa_setup": ({}, "POST /v1/auth/2fa/setup", None),
    "two_fa_enable": ({"code": "012345"}, "POST /v1/auth/2fa/enable", {"code": "012345"}),
    "two_fa_disable": ({"code": "012345"}, "POST /v1/auth/2fa/disable", {"code": "012345"}),
    "register": (
        {"email": "a@b.c", "password": PASSWORD},
        "POST /v1/auth/register",
        {"email": "a@b.c", "password": PASSWORD},
    ),
    "login": (
        {"email": "a@b.c", "password": PASSWORD, "code": "012345"},
        "POST /v1/auth/login",
        {"email": "a@b.c", "password": PASSWORD, "code": "012345"},
    ),
    "forgot_password": ({"email": "a@b.c"}, "POST /v1/auth/forgot-password", {"email": "a@b.c"}),
    "reset_password": (
        {"token": "t", "new_password": "n"},
        "POST /v1/auth/reset-password",
        {"token": "t", "new_password": "n"},
    ),
    "deactivate": ({"password": PASSWORD}, "POST /v1/auth/deactivate", {"password": PASSWORD}),
}

REQUIRED = [
    (name, argument) for name, (arguments, _, _) in CALLS.items() for argument in arguments if argument != "full_name"
] + [("update_profile", "full_name")]


@pytest.mark.parametrize("name", CALLS)
async def test_what_is_sent(transport: ScriptedTransport, name: str) -> None:
    """Line and body of every call; an answer without any field will do, because none is documented."""
    arguments, line, body = CALLS[name]

    await getattr(Auth(transport), name)(**arguments)

    assert (transport.last.line, transport.last.body) == (line, body)


async def test_register_with_a_name(transport: ScriptedTransport) -> None:
    """The name goes along if there is one."""
    profile_sent = {"email": "a@b.c", "password": PASSWORD, "full_name": "Ada"}
    transport.answer = {"user_id": "usr_1", "email": "a@b.c", "full_name": "Ada"}

    profile = await Auth(transport).register(**profile_sent)

    assert transport.last.body == profile_sent
    assert (profile.user_id, profile.full_name) == ("usr_1", "Ada")


@pytest.mark.parametrize(("name", "argument"), REQUIRED)
@pytest.mark.parametrize("value", ["", 123456])
async def test_arguments_that_cannot_be(transport: ScriptedTransport, name: str, argument: str, value: Any) -> None:
    """Empty or no text: refused by name, and no password is ever quoted."""
    with pytest.raises(ConfigurationError, match=f"{argument} must") as caught:
        await getattr(Auth(transport), name)(**CALLS[name][0] | {argument: value})

    assert PASSWORD not in str(caught.value)
    assert "123456" not in str(caught.value)
    assert transport.sent == []


async def test_secrets_of_answers_are_not_in_the_repr(transport: ScriptedTransport) -> None:
    """Neither the second factor's nor the session's, not even under an unknown name."""
    transport.answer = {"secret": "JBSW", "otpauth_url": "otpauth://totp/x?secret=JBSW", "qr": "JBSW"}
    setup = await Auth(transport).two_fa_setup()
    assert (setup.secret, setup["otpauth_url"][:7]) == ("JBSW", "otpauth")
    assert "JBSW" not in repr(setup)

    transport.answer = {"token": "tok-1", "access_token": "tok-2", "refresh": "tok-3", "user": {"user_id": "usr_1"}}
    session = await Auth(transport).login(email="a@b.c", password=PASSWORD)
    assert (session.token, session.access_token, session["refresh"]) == ("tok-1", "tok-2", "tok-3")
    assert session.user is not None
    assert session.user.user_id == "usr_1"
    assert "tok-" not in repr(session)


async def test_the_state_of_the_second_factor(transport: ScriptedTransport) -> None:
    """Enabling answers with it too."""
    transport.answer = {"enabled": True, "pending": False}

    assert (await Auth(transport).two_fa_enable("012345")).enabled is True
    assert (await Auth(transport).two_fa_status())["pending"] is False
