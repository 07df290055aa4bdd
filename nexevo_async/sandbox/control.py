"""The control port: faults, journal and bases of a running box over plain HTTP, for tests in other processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from aiohttp import web

from nexevo_async.sandbox.chat_request import read_object
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.faults import Fault
from nexevo_async.sandbox.journal import BaseIndex, JournalEntry
from nexevo_async.sandbox.routing import json_answer


class Controlled(Protocol):
    """The part of a box that the control port needs."""

    def fault(self, base: BaseIndex | None, kind: str, **scope_and_options: Any) -> Fault: ...
    def faults(self) -> list[Fault]: ...
    def clear_faults(self) -> None: ...
    def journal(self) -> list[JournalEntry]: ...
    def clear_journal(self) -> None: ...
    def set_links(self, entries: Iterable[Mapping[str, Any]]) -> None: ...
    def kill(self, base: BaseIndex) -> None: ...
    def revive(self, base: BaseIndex) -> None: ...
    def state(self) -> dict[str, Any]: ...


def control_app(box: Controlled) -> web.Application:
    """
    The application on the control port. It asks for no key, and listens on loopback only.

    ======  ====================  ====================================================================
    GET     /state                addresses, bases with their counters, password reset tokens
    GET     /journal              ``{"entries": […]}``; ``?route=`` and ``?base=`` pick
    DELETE  /journal              forget all entries
    GET     /faults               ``{"faults": […]}`` in force
    POST    /faults               ``{"base", "kind", "route"?, "count"?, "probability"?, "seconds"?, …options}``
    DELETE  /faults               end all
    DELETE  /faults/{id}          end one
    POST    /links                a JSON object ``{"links": […]}``: what discovery says from now on
    POST    /bases/{base}/kill    take a base off the network; ``/revive`` brings it back
    ======  ====================  ====================================================================
    """
    control = _Control(box)
    app = web.Application(middlewares=[_errors])
    app.add_routes(
        [
            web.get("/state", control.state),
            web.get("/journal", control.journal),
            web.delete("/journal", control.clear_journal),
            web.get("/faults", control.faults),
            web.post("/faults", control.add_fault),
            web.delete("/faults", control.clear_faults),
            web.delete("/faults/{id}", control.clear_fault),
            web.post("/links", control.set_links),
            web.post("/bases/{base}/{action:kill|revive}", control.kill_or_revive),
        ]
    )
    return app


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return json_answer(error.body(), status=error.status)
    except (ValueError, TypeError, LookupError) as error:
        return json_answer(ApiError(400, "invalid_request", str(error)).body(), status=400)
    except web.HTTPException as error:
        message = f"{request.method} {request.path} is no control call."
        return json_answer(ApiError(error.status, "not_found", message).body(), status=error.status)


class _Control:
    def __init__(self, box: Controlled) -> None:
        self._box = box

    async def state(self, request: web.Request) -> web.Response:
        return json_answer(self._box.state())

    async def journal(self, request: web.Request) -> web.Response:
        route, base = request.query.get("route"), request.query.get("base")
        picked = (
            entry for entry in self._box.journal() if route in (None, entry.route) and base in (None, str(entry.base))
        )
        return json_answer({"entries": [entry.to_dict() for entry in picked]})

    async def clear_journal(self, request: web.Request) -> web.Response:
        self._box.clear_journal()
        return json_answer({"entries": []})

    async def faults(self, request: web.Request) -> web.Response:
        return json_answer({"faults": [fault.to_dict() for fault in self._box.faults()]})

    async def add_fault(self, request: web.Request) -> web.Response:
        data = read_object(await request.read())
        kind = data.pop("kind", None)
        if not isinstance(kind, str):
            raise ApiError(400, "invalid_request", "'kind' is required and must be a string.", param="kind")
        fault = self._box.fault(data.pop("base", None), kind, **data)
        return json_answer({"fault": fault.to_dict()}, status=201)

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._box.clear_faults()
        return json_answer({"faults": []})

    async def clear_fault(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        for fault in self._box.faults():
            if str(fault.id) == wanted:
                fault.clear()
                return json_answer({"fault": fault.to_dict()})
        raise ApiError(404, "not_found", f"No fault {wanted} is in force.")

    async def set_links(self, request: web.Request) -> web.Response:
        links = read_object(await request.read()).get("links")
        if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
            raise ApiError(400, "invalid_request", "'links' must be a list of objects.", param="links")
        self._box.set_links(links)
        return json_answer({"links": links})

    async def kill_or_revive(self, request: web.Request) -> web.Response:
        text = request.match_info["base"]
        base: BaseIndex = "discovery" if text == "discovery" else int(text)
        if request.match_info["action"] == "kill":
            self._box.kill(base)
        else:
            self._box.revive(base)
        return json_answer(self._box.state())
