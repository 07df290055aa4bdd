"""The answers every peer is given: fixed bytes, so that only the client's work differs from run to run."""

from __future__ import annotations

import json
from typing import Any

API_KEY = "sk-xc-benchmark"
MODEL = "nexevo/balanced"
# Any, because each SDK types messages in its own way.
MESSAGES: Any = [{"role": "user", "content": "Hello! Tell me something about the sea."}]

_SENTENCE = "The sea keeps its own time, and every wave that reaches the shore has travelled a long way to be there. "
TEXT = (_SENTENCE * 4).strip()
# Two tokens in turn, of one length: litellm takes a hundred equal chunks for a model gone mad, and stops.
TOKENS = ("wave ", "tide ")

_CREATED = 1_760_000_000
_USAGE = {"prompt_tokens": 17, "completion_tokens": 92, "total_tokens": 109}
_NEXEVO = {"generation_id": "gen_0123456789abcdef", "model_used": MODEL, "tier": "balanced", "cost_usd": "0.00010900"}


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def chat_completion(text: str = TEXT) -> dict[str, Any]:
    """A chat completion in the OpenAI layout, with the gateway's own block."""
    return {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion",
        "created": _CREATED,
        "model": MODEL,
        "system_fingerprint": "fp_0123456789",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            **_USAGE,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "nexevo": _NEXEVO,
    }


def chat_chunk(token: str = TOKENS[0], *, finish: str | None = None) -> dict[str, Any]:
    """One chunk of a chat stream; the finish chunk has an empty delta."""
    delta = {"content": token} if finish is None else {}
    return {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": MODEL,
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }


def anthropic_message() -> dict[str, Any]:
    """The same text in the layout of the Anthropic messages API, for that peer alone."""
    return {
        "id": "msg_0123456789abcdef",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": TEXT, "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 17,
            "output_tokens": 92,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "service_tier": "standard",
        },
        "container": None,
        "context_management": None,
        "nexevo": _NEXEVO,
        "padding": "so that both layouts are of one size; a field no client knows, as real services add them"
        + "." * 40,
    }


def sub_account(number: int) -> dict[str, Any]:
    """One entry of the sub-account list, as `contract.md` section 5 shows it."""
    return {
        "id": number,
        "user_id": 7,
        "token": f"sk-sub-{number:08d}",
        "token_type": "slave",
        "alias": f"team {number}",
        "enabled": True,
        "model_pricing": [
            {"model": MODEL, "pricing_factor": "1.10"},
            {"model": "nexevo/fast", "pricing_factor": "1.00"},
        ],
        "balance": "0.44000013",
        "monthly_cost": "12.50000000",
        "created_at": "2025-10-09T08:00:00.123456+08:00",
        "updated_at": "2025-10-10T09:30:00.654321+08:00",
    }


def sub_account_list(count: int = 200) -> dict[str, Any]:
    """The list of sub-accounts, all on one page."""
    return {"items": [sub_account(n) for n in range(count)], "total": count, "page": 1, "pageSize": -1}


CHAT = _encode(chat_completion())
CHAT_20K = _encode(chat_completion((_SENTENCE * 180).strip()))
CHUNK = _encode(chat_chunk())
SUB_ACCOUNTS = _encode(sub_account_list())
ANTHROPIC = _encode(anthropic_message())
MODELS = _encode(
    {"object": "list", "data": [{"id": MODEL, "object": "model", "created": _CREATED, "owned_by": "nexevo"}]}
)
EMBEDDINGS = _encode(
    {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [round(i / 64, 4) for i in range(64)]}],
        "model": MODEL,
        "usage": {"prompt_tokens": 17, "total_tokens": 17},
    }
)
NOT_FOUND = _encode({"error": {"message": "no such route", "type": "invalid_request_error", "code": "not_found"}})
PAYLOADS = {"chunk": CHUNK, "chat_1k": CHAT, "chat_20k": CHAT_20K, "list_200": SUB_ACCOUNTS}

CHAT_EVENTS = tuple(b"data: " + _encode(chat_chunk(token)) + b"\n\n" for token in TOKENS)
CHAT_END = b"data: " + _encode(chat_chunk(finish="stop")) + b"\n\ndata: [DONE]\n\n"


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + _encode({"type": kind, **fields}) + b"\n\n"


ANTHROPIC_START = _event("message_start", message={**anthropic_message(), "content": [], "stop_reason": None}) + _event(
    "content_block_start", index=0, content_block={"type": "text", "text": ""}
)
ANTHROPIC_EVENTS = tuple(
    _event("content_block_delta", index=0, delta={"type": "text_delta", "text": token}) for token in TOKENS
)
ANTHROPIC_END = (
    _event("content_block_stop", index=0)
    + _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 92})
    + _event("message_stop")
)
