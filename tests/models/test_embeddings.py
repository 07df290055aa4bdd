"""Embeddings: the same vector, however it travels."""

from __future__ import annotations

import base64
import struct

from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._codec import decode, encode
from nexevo_async.models import Embedding, EmbeddingResponse


def test_a_response() -> None:
    """The OpenAI layout."""
    answer = decode(
        b'{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1, -0.5]}],'
        b' "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}',
        EmbeddingResponse,
    )

    assert (answer.data[0].index, answer.data[0].vector, answer.model) == (0, [1.0, -0.5], "m")
    assert all(isinstance(number, float) for number in answer.data[0].vector)
    assert answer.usage is not None
    assert answer.usage.total_tokens == 3


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=8))
def test_base64_holds_little_endian_32_bit_floats(numbers: list[float]) -> None:
    """The vector is the same as by the other way."""
    text = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()

    assert decode(encode({"index": 0, "embedding": text}), Embedding).vector == numbers
    assert decode(encode({"index": 0, "embedding": numbers}), Embedding).vector == numbers
