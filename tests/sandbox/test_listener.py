"""A port that goes down between two turns of the loop: whoever is just coming in is reset, and nothing stays open."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from nexevo_async.sandbox.listener import Listener


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    """An application that knows no path, on a port of its own."""
    listener = Listener(web.Application())
    await listener.open()
    yield listener
    await listener.aclose()


async def visit(listener: Listener, *, turns: int) -> socket.socket:
    """Connect and ask something; the loop has had so many turns to notice."""
    visitor = socket.create_connection(("127.0.0.1", listener.port), timeout=2)
    visitor.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(turns):
        await asyncio.sleep(0)
    return visitor


async def heard(visitor: socket.socket) -> bytes:
    """What the visitor is answered; raises what its connection ends with."""
    visitor.setblocking(False)
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(visitor, 4096), 2)


async def end(visitor: socket.socket) -> type[Exception] | None:
    """How the connection ends, after whatever was answered just before; None is an orderly end."""
    try:
        while await heard(visitor):
            pass
    except OSError as error:
        return type(error)
    return None


# Accepting takes several turns: the connection, its task, its transport, its protocol. None of them is special.
TURNS = range(7)


@pytest.mark.parametrize("turns", TURNS)
async def test_who_comes_in_while_a_base_goes_down_is_reset(listener: Listener, turns: int) -> None:
    with await visit(listener, turns=turns) as visitor:
        listener.take_down()
        assert await end(visitor) is ConnectionResetError
        async with asyncio.timeout(2):
            while listener.connections:  # noqa: ASYNC110 - turns of the loop are what is waited for
                await asyncio.sleep(0)  # its handler ends a turn later
    gc.collect()  # a socket that nobody closed warns here, and warnings are errors


@pytest.mark.parametrize("turns", TURNS)
async def test_a_base_that_comes_back_at_once_does_not_take_up_old_connections(listener: Listener, turns: int) -> None:
    with await visit(listener, turns=turns) as visitor:
        listener.take_down()
        listener.bring_back()
        assert await end(visitor) is ConnectionResetError
    with await visit(listener, turns=0) as visitor:
        assert (await heard(visitor)).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("killed", [False, True])
async def test_closing_waits_for_who_is_coming_in(killed: bool, turns: int) -> None:
    """Nobody else would close them: the loop may end right afterwards."""
    listener = Listener(web.Application())
    await listener.open()
    with await visit(listener, turns=turns) as visitor:
        if killed:
            listener.take_down()
        await listener.aclose()
        left = {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()} if not task.done()}
        assert await end(visitor) is ConnectionResetError
    assert left == set()
    gc.collect()
