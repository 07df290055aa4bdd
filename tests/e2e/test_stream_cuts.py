"""A stream cut at any byte never yields a silent short answer, in both worlds."""

from __future__ import annotations

import pytest

from nexevo_async import AsyncNexevo, StreamTruncatedError
from tests.e2e.load import MESSAGES
from tests.e2e.worlds import World, one_world


@pytest.mark.parametrize("kind", ["stream_cut", one_world("stream_reset")])
async def test_a_stream_cut_anywhere_is_complete_or_an_error(world: World, kind: str) -> None:
    """Every position of the body: either the whole text with a finish reason, or `StreamTruncatedError` with a part."""
    async with world.sandbox(bases=1, seed=7) as box, world.client() as client:
        whole = await _read(client)
        complete = truncated = position = 0
        while complete < 3:  # behind the finish reason the answer is whole, whatever happens
            assert position < 100_000
            fault = box.fault(0, kind, count=1, after_bytes=position)
            try:
                text = await _read(client)
            except StreamTruncatedError as error:
                partial = "" if error.partial is None else error.partial.choices[0].message.content or ""
                assert whole.startswith(partial)
                truncated += 1
            else:
                assert text == whole
                complete += 1
            assert fault.hits == 1
            position += 17
        assert truncated > 50


async def _read(client: AsyncNexevo) -> str:
    async with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream:
        return "".join([text async for text in stream.text()])
