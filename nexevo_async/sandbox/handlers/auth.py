"""`auth.*` over HTTP."""

from __future__ import annotations

from aiohttp import web

from nexevo_async.sandbox import accounts
from nexevo_async.sandbox.body import Body, read_body, require
from nexevo_async.sandbox.handlers._caller import caller, store_of
from nexevo_async.sandbox.routing import PRINCIPAL, RouteSpec, json_answer
from nexevo_async.sandbox.users import get_user, profile

_PASSWORD_LEAST, _PASSWORD_MOST = 8, 1024
_NAME_LIMIT = 200
_EMAIL_LIMIT = 254  # RFC 5321, sections 4.5.3.1.1 to 4.5.3.1.3
_DONE = {"success": True}


async def _me(request: web.Request) -> web.Response:
    return json_answer(profile(get_user(*caller(request))))


async def _update_profile(request: web.Request) -> web.Response:
    full_name = (await read_body(request)).text("full_name", at_least=1, at_most=_NAME_LIMIT)
    return json_answer(accounts.update_profile(*caller(request), full_name))


async def _change_password(request: web.Request) -> web.Response:
    store, user_id = caller(request)
    body = await read_body(request)
    current, new = body.text("current_password", at_most=_PASSWORD_MOST), _new_password(body, "new_password")
    accounts.change_password(store, user_id, current=current, new=new, keep_login=request[PRINCIPAL].key_id)
    return json_answer(_DONE)


async def _two_fa_status(request: web.Request) -> web.Response:
    return json_answer(accounts.two_fa_status(*caller(request)))


async def _two_fa_setup(request: web.Request) -> web.Response:
    return json_answer(accounts.two_fa_setup(*caller(request)))


async def _two_fa_enable(request: web.Request) -> web.Response:
    return json_answer(accounts.two_fa_enable(*caller(request), (await read_body(request)).text("code")))


async def _two_fa_disable(request: web.Request) -> web.Response:
    return json_answer(accounts.two_fa_disable(*caller(request), (await read_body(request)).text("code")))


async def _register(request: web.Request) -> web.Response:
    body = await read_body(request)
    email, password = read_email(body), _new_password(body, "password")
    full_name = body.optional_text("full_name", at_most=_NAME_LIMIT)
    user = accounts.register(store_of(request), email=email, password=password, full_name=full_name)
    return json_answer(user, status=201)


async def _login(request: web.Request) -> web.Response:
    body = await read_body(request)
    email, password = read_email(body), body.text("password", at_most=_PASSWORD_MOST)
    code = body.optional_text("code")
    return json_answer(accounts.login(store_of(request), email=email, password=password, code=code))


async def _forgot_password(request: web.Request) -> web.Response:
    store = store_of(request)
    accounts.forgot_password(store, store.outbox, read_email(await read_body(request)))
    return json_answer({**_DONE, "message": "If this address has an account, a reset token is on its way."})


async def _reset_password(request: web.Request) -> web.Response:
    store = store_of(request)
    body = await read_body(request)
    accounts.reset_password(store, store.outbox, token=body.text("token"), new=_new_password(body, "new_password"))
    return json_answer(_DONE)


async def _deactivate(request: web.Request) -> web.Response:
    store, user_id = caller(request)
    password = (await read_body(request)).text("password", at_most=_PASSWORD_MOST)
    accounts.deactivate(store, store.outbox, user_id, password)
    return json_answer(_DONE)


def read_email(body: Body) -> str:
    """The field `email`, when it looks like an address; whether it receives mail nobody here can know."""
    email = body.text("email", at_most=_EMAIL_LIMIT).strip()
    name, _, domain = email.rpartition("@")
    require("email", bool(name) and bool(domain) and not any(map(str.isspace, email)), "must be an e-mail address")
    return email


def _new_password(body: Body, name: str) -> str:
    return body.text(name, at_least=_PASSWORD_LEAST, at_most=_PASSWORD_MOST)


ROUTES = [
    RouteSpec("auth.me", "GET", "/v1/auth/me", "main", _me),
    RouteSpec("auth.update_profile", "PATCH", "/v1/auth/me", "main", _update_profile),
    RouteSpec("auth.change_password", "POST", "/v1/auth/change-password", "main", _change_password),
    RouteSpec("auth.two_fa_status", "GET", "/v1/auth/2fa/status", "main", _two_fa_status),
    RouteSpec("auth.two_fa_setup", "POST", "/v1/auth/2fa/setup", "main", _two_fa_setup),
    RouteSpec("auth.two_fa_enable", "POST", "/v1/auth/2fa/enable", "main", _two_fa_enable),
    RouteSpec("auth.two_fa_disable", "POST", "/v1/auth/2fa/disable", "main", _two_fa_disable),
    RouteSpec("auth.register", "POST", "/v1/auth/register", "none", _register),
    RouteSpec("auth.login", "POST", "/v1/auth/login", "none", _login),
    RouteSpec("auth.forgot_password", "POST", "/v1/auth/forgot-password", "none", _forgot_password),
    RouteSpec("auth.reset_password", "POST", "/v1/auth/reset-password", "none", _reset_password),
    RouteSpec("auth.deactivate", "POST", "/v1/auth/deactivate", "main", _deactivate),
]
