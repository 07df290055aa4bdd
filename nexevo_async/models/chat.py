"""Chat completions, whole and in chunks: the OpenAI layout plus the service's own ``nexevo`` block."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

import attrs

from nexevo_async.models._common import Model, model

#: Why a choice ended; values nobody knows yet stay readable as text.
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"] | str
#: Who speaks; values nobody knows yet stay readable as text.
Role = Literal["system", "user", "assistant", "tool"] | str

#: Headers that have an attribute of their own in `NexevoInfo`, by that attribute.
INFO_HEADERS: Final = {
    "generation_id": "x-nexevo-generation-id",
    "model_used": "x-nexevo-model-used",
    "models_tried": "x-nexevo-models-tried",
}


@model
class NexevoInfo(Model):
    """
    What the service adds to a chat answer: read from the ``nexevo`` block of the body, completed from the headers.

    Attributes:
        generation_id: Id of this generation, as `feedback.submit` takes it; None if the service told none.
        model_used: The model that answered, told with a fallback list.
        models_tried: The models that were tried, in order, told with a fallback list.

    .. versionadded:: 0.1.0
    """

    generation_id: str | None = None
    model_used: str | None = None
    models_tried: list[str] | None = None

    @property
    def other(self) -> Mapping[str, str]:
        """Every further ``X-Nexevo-*`` header of the answer, under its own name."""
        own = INFO_HEADERS.values()
        found = ((name, name.lower()) for name in self.headers or ())
        return {name: self._head[name] for name, low in found if low.startswith("x-nexevo-") and low not in own}


@model
class TokenDetails(Model):
    """
    How a number of tokens is made up; each part is None if the service does not tell it.

    .. versionadded:: 0.1.0
    """

    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


@model
class Usage(Model):
    """
    Billed tokens, from the body or else from ``X-Usage-Input-Tokens`` and ``X-Usage-Output-Tokens``.

    Attributes:
        prompt_tokens: Tokens that went in.
        completion_tokens: Tokens that came out; None for embeddings.
        total_tokens: Both together.
        prompt_tokens_details: Parts of the tokens that went in.
        completion_tokens_details: Parts of the tokens that came out.
        cost: Price of the call as an exact amount, if the service tells it.

    .. versionadded:: 0.1.0
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None
    cost: Decimal | None = None


@model
class FunctionCall(Model):
    """
    A function the model wants called.

    Attributes:
        name: The function's name.
        arguments: JSON text as the model wrote it; check it before use, models make mistakes.

    .. versionadded:: 0.1.0
    """

    name: str | None = None
    arguments: str = ""


@model
class ToolCall(Model):
    """
    A tool the model wants called.

    Attributes:
        id: What the answering ``tool`` message must quote as ``tool_call_id``.
        type: ``function``, or another kind of tool.
        function: What to call.

    .. versionadded:: 0.1.0
    """

    id: str | None = None
    type: Literal["function"] | str = "function"
    function: FunctionCall = attrs.field(factory=FunctionCall)


@model
class TopLogprob(Model):
    """
    One of the likeliest tokens at a place.

    .. versionadded:: 0.1.0
    """

    token: str
    logprob: float
    bytes: list[int] | None = None


@model
class TokenLogprob(Model):
    """
    A token of the answer with the natural logarithm of its probability.

    Attributes:
        token: Its text.
        logprob: Logarithm of the probability, 0 or less.
        bytes: Its UTF-8 bytes, or None.
        top_logprobs: The likeliest tokens at this place, as many as were asked for.

    .. versionadded:: 0.1.0
    """

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] = attrs.field(factory=list)


@model
class Logprobs(Model):
    """
    Probabilities of the tokens of a choice, for its content and its refusal.

    .. versionadded:: 0.1.0
    """

    content: list[TokenLogprob] | None = None
    refusal: list[TokenLogprob] | None = None


@model
class Message(Model):
    """
    What the model said.

    Attributes:
        role: Who speaks; ``assistant`` unless the service says otherwise.
        content: The text, or None if there is none (with tool calls, say).
        refusal: The model's words when it declines, else None.
        tool_calls: Tools it wants called, or None.

    .. versionadded:: 0.1.0
    """

    role: Role = "assistant"
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


@model
class Choice(Model):
    """
    One of the `n` answers that were asked for.

    Attributes:
        index: Its number, from 0.
        message: What the model said.
        finish_reason: Why it ended: ``stop``, ``length``, ``tool_calls``, ``content_filter``; None if not told.
        logprobs: Probabilities of its tokens, if they were asked for.

    .. versionadded:: 0.1.0
    """

    index: int = 0
    message: Message = attrs.field(factory=Message)
    finish_reason: FinishReason | None = None
    logprobs: Logprobs | None = None


@model
class ChatCompletion(Model):
    """
    A chat answer.

    Attributes:
        id: The completion's id.
        object: ``chat.completion``.
        created: Seconds since 1970 as they arrived; `created_at` is the moment.
        model: The model as the service names it.
        choices: The answers; empty if none came.
        usage: Billed tokens, or None if neither body nor headers tell them.
        nexevo: Generation id and more; always there, with None for what was not told.
        system_fingerprint: Names the backend's configuration, or None.

    .. versionadded:: 0.1.0
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[Choice] = attrs.field(factory=list)
    usage: Usage | None = None
    nexevo: NexevoInfo = attrs.field(factory=NexevoInfo)
    system_fingerprint: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """`created` as an aware moment in UTC, or None."""
        return _moment(self.created)


@model
class FunctionCallDelta(Model):
    """
    A piece of a function call; name and arguments of all pieces belong together.

    .. versionadded:: 0.1.0
    """

    name: str | None = None
    arguments: str | None = None


@model
class ToolCallDelta(Model):
    """
    A piece of a tool call.

    Attributes:
        index: Which call of the message it belongs to; None on servers that leave it out.
        id: The call's id, usually in its first piece alone.
        type: ``function``, usually in the first piece alone.
        function: Name, or a piece of the arguments, or both.

    .. versionadded:: 0.1.0
    """

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionCallDelta | None = None


@model
class Delta(Model):
    """
    What a chunk adds to a message; whatever it adds nothing to is None.

    .. versionadded:: 0.1.0
    """

    role: Role | None = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCallDelta] | None = None


@model
class ChunkChoice(Model):
    """
    What a chunk adds to one choice.

    Attributes:
        index: The choice's number, from 0.
        delta: The addition.
        finish_reason: Set by the chunk that ends the choice, else None.
        logprobs: Probabilities of the tokens of this chunk, if they were asked for.

    .. versionadded:: 0.1.0
    """

    index: int = 0
    delta: Delta = attrs.field(factory=Delta)
    finish_reason: FinishReason | None = None
    logprobs: Logprobs | None = None


@model
class ChatCompletionChunk(Model):
    """
    One event of a stream.

    Attributes:
        id: The completion's id; some servers send a new one with every chunk.
        object: ``chat.completion.chunk``.
        created: Seconds since 1970 as they arrived; `created_at` is the moment.
        model: The model as the service names it.
        choices: Additions; empty on the chunk that only carries usage.
        usage: Billed tokens, usually on the last chunk alone and if ``include_usage`` was asked for.
        nexevo: The service's own block, if this chunk carries one.
        system_fingerprint: Names the backend's configuration, or None.

    .. versionadded:: 0.1.0
    """

    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChunkChoice] = attrs.field(factory=list)
    usage: Usage | None = None
    nexevo: NexevoInfo | None = None
    system_fingerprint: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """`created` as an aware moment in UTC, or None."""
        return _moment(self.created)

    @property
    def text(self) -> str:
        """The text that this chunk adds to the first choice; empty if it adds none."""
        for choice in self.choices:
            if choice.index == 0 and choice.delta.content:
                return choice.delta.content
        return ""


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
