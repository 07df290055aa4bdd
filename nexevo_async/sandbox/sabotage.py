"""How each kind of fault looks on the wire. A fault acts instead of the handler, or on the answer the handler made."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, cast

import orjson
from aiohttp import web

from nexevo_async.sandbox.errors import ApiError, default_code, default_type
from nexevo_async.sandbox.faults import Fault
from nexevo_async.sandbox.sse import DONE, Events, SseAnswer, event

#: SO_LINGER with a time of zero: closing drops what is unsent and sends RST instead of FIN (tcp(7), socket(7)).
_LINGER_ZERO = struct.pack("ii", 1, 0)

_HTML = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


async def instead(fault: Fault, request: web.Request) -> web.StreamResponse:
    """The answer, or the end of the connection, in place of the handler's work."""
    return await _INSTEAD[fault.kind](fault, request)


async def spoil(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """What becomes of an answer under a fault; comes back when everything that will be sent was sent."""
    if (act := _ANSWER.get(fault.kind)) is not None:
        return await act(fault, request, answer)
    return await instead(fault, request)  # it was told to execute first; that has happened by now


def reset_transport(transport: asyncio.BaseTransport | None) -> None:
    """End a connection with RST, at once."""
    if transport is None:  # already gone
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with suppress(OSError):  # the peer was faster
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    cast("asyncio.WriteTransport", transport).abort()


async def _forever() -> None:
    """Wait until the client leaves or the box closes: both cancel the request."""
    await asyncio.get_running_loop().create_future()


# Instead of the handler -----------------------------------------------------------------------------------------------


async def _reset(fault: Fault, request: web.Request) -> web.StreamResponse:
    reset_transport(request.transport)
    return web.Response()  # goes nowhere: the transport is closed


async def _close(fault: Fault, request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _hang(fault: Fault, request: web.Request) -> web.StreamResponse:
    await _forever()
    return web.Response()


async def _status(fault: Fault, request: web.Request) -> web.StreamResponse:
    status, body = fault.options["status"], fault.options["body"]
    kind = "application/json"
    if body is None:
        message = f"The sandbox was told to answer {status}."
        body = ApiError(status, default_code(status), message, type=default_type(status)).body()
    elif isinstance(body, (str, bytes)):
        kind = "text/plain"
    headers = {"Content-Type": kind} | {name: str(value) for name, value in (fault.options["headers"] or {}).items()}
    return web.Response(status=status, body=_encoded(body), headers=headers)


def _encoded(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


async def _html(fault: Fault, request: web.Request) -> web.StreamResponse:
    return web.Response(text=fault.options["body"] or _HTML, status=fault.options["status"], content_type="text/html")


async def _redirect(fault: Fault, request: web.Request) -> web.StreamResponse:
    return web.Response(status=fault.options["status"], headers={"Location": fault.options["location"]})


async def _unhealthy(fault: Fault, request: web.Request) -> web.StreamResponse:
    return web.Response(text=fault.options["text"], status=fault.options["status"])


# On the answer --------------------------------------------------------------------------------------------------------


async def _headers_then_hang(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    await _opened(request, answer)
    await _forever()
    return answer


async def _slow(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    await asyncio.sleep(fault.options["delay"])
    return answer


async def _reset_mid(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    opened, body = await _opened(request, answer), await _first_half(answer)
    if body:
        await opened.write(body)
        await asyncio.sleep(0.01)  # lets the half arrive: RST may overtake what the peer has not read yet
    reset_transport(request.transport)
    return opened


async def _trickle(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    delay = fault.options["delay"]
    opened = await _opened(request, answer)
    async with aclosing(_chunks(answer)) as chunks:
        async for chunk in chunks:
            for position in range(len(chunk)):
                await opened.write(chunk[position : position + 1])
                await asyncio.sleep(delay)
    return opened


async def _cut_json(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    half = await _first_half(answer)
    if isinstance(answer, SseAnswer):
        answer.events = _only(half)
    elif isinstance(answer, web.Response):
        answer.body = half
    return answer


async def _stream_cut(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    if isinstance(answer, SseAnswer):
        answer.events = _cut(answer.events, fault)
    return answer


async def _stream_reset(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    if isinstance(answer, SseAnswer):
        answer.events = _cut(answer.events, fault)
        await answer.stream(request, end=False)
        await asyncio.sleep(0.01)  # as above: what was sent should arrive before the RST
        reset_transport(request.transport)
    return answer


async def _stream_stall(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    if isinstance(answer, SseAnswer):
        answer.events = _stalled(answer.events, fault)
    return answer


async def _stream_error(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    if isinstance(answer, SseAnswer):
        answer.events = _failed(answer.events, fault)
    return answer


# Events and bytes -----------------------------------------------------------------------------------------------------


async def _cut(events: Events, fault: Fault) -> Events:
    """The first `after` events, or exactly `after_bytes` bytes; by count never as far as a finish reason."""
    after, room = fault.options["after"], fault.options["after_bytes"]
    async with aclosing(events) as source:
        if room is not None:
            async for chunk in source:
                if room <= 0:
                    return
                yield chunk[:room]
                room -= len(chunk)
            return
        for _ in range(after):
            chunk = await anext(source, DONE)
            if chunk == DONE or b'"finish_reason":"' in chunk:
                return
            yield chunk


async def _stalled(events: Events, fault: Fault) -> Events:
    async with aclosing(_cut(events, fault)) as source:
        async for chunk in source:
            yield chunk
    for number in itertools.count(1):
        if not fault.options["comments"]:
            await _forever()
        await asyncio.sleep(fault.options["delay"])
        yield f": still here, {number}\n\n".encode()


async def _failed(events: Events, fault: Fault) -> Events:
    async with aclosing(_cut(events, fault)) as source:
        async for chunk in source:
            yield chunk
    told = fault.options
    yield event({"error": {"message": told["message"], "type": told["type"] or told["code"], "code": told["code"]}})
    if told["done"]:
        yield DONE


async def _only(chunk: bytes) -> Events:
    yield chunk


async def _chunks(answer: web.StreamResponse) -> Events:
    """The body of an answer, as far as it goes: event by event, or as one piece."""
    if isinstance(answer, SseAnswer):
        async with aclosing(answer.events) as events:
            async for chunk in events:
                yield chunk
    elif isinstance(answer, web.Response) and isinstance(answer.body, bytes):
        yield answer.body


async def _first_half(answer: web.StreamResponse) -> bytes:
    """The first half of a body; of a stream, two events and the first half of the third."""
    body: list[bytes] = []
    async with aclosing(_chunks(answer)) as chunks:
        async for chunk in chunks:
            body.append(chunk)
            if len(body) == 3:
                break
    if not body:
        return b""
    return b"".join(body[:-1]) + body[-1][: len(body[-1]) // 2]


async def _opened(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """The head of the answer, sent; the body is left to the caller."""
    opened = web.StreamResponse(status=answer.status, headers=answer.headers)
    if isinstance(answer, web.Response):
        opened.content_length = len(answer.body) if isinstance(answer.body, bytes) else 0
    await opened.prepare(request)
    return opened


_Instead = Callable[[Fault, web.Request], Awaitable[web.StreamResponse]]
_Answer = Callable[[Fault, web.Request, web.StreamResponse], Awaitable[web.StreamResponse]]

#: A refusal picked request by request cannot be made at TCP level any more, so it is a reset before anything is done.
_INSTEAD: dict[str, _Instead] = {
    "refuse": _reset,
    "reset": _reset,
    "close": _close,
    "hang": _hang,
    "status": _status,
    "html": _html,
    "redirect": _redirect,
    "unhealthy": _unhealthy,
}

_ANSWER: dict[str, _Answer] = {
    "headers_then_hang": _headers_then_hang,
    "reset_mid": _reset_mid,
    "slow": _slow,
    "trickle": _trickle,
    "cut_json": _cut_json,
    "stream_cut": _stream_cut,
    "stream_reset": _stream_reset,
    "stream_stall": _stream_stall,
    "stream_error": _stream_error,
}
