"""``client.chat.completions``: the main call, whole or as a stream."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Unpack, overload

from nexevo_async._call_site import Site, call_site
from nexevo_async._sansio.sse import MAX_EVENT_BYTES
from nexevo_async._validation import whole
from nexevo_async.errors import APIResponseValidationError
from nexevo_async.models.chat import ChatCompletion
from nexevo_async.models.chat_headers import complete_from_headers
from nexevo_async.resources._base import CallOptions, Resource, check_options
from nexevo_async.resources._chat_request import Messages, request_body
from nexevo_async.streaming import ChatStream, ChatStreamManager

if TYPE_CHECKING:
    from nexevo_async._transport import Transport

ROUTE: Final = "chat.completions.create"


class Chat(Resource):
    """
    Everything about chats.

    Reached as ``client.chat``.

    Attributes:
        completions: Answers of models to messages.
    """

    __slots__ = ("completions",)

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.completions = ChatCompletions(transport)


class ChatCompletions(Resource):
    """
    Let a model answer messages.

    Reached as ``client.chat.completions``. The route is documented.
    """

    __slots__ = ()

    # fmt: off
    @overload
    async def create(
        self, *, messages: Messages, model: str | None = None, stream: Literal[False] = False,
        temperature: float | None = None, max_tokens: int | None = None, top_p: float | None = None,
        stop: str | Sequence[str] | None = None, tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None, parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None, seed: int | None = None, n: int | None = None,
        stream_options: Mapping[str, Any] | None = None, user: str | None = None,
        presence_penalty: float | None = None, frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None, logprobs: bool | None = None, top_logprobs: int | None = None,
        max_completion_tokens: int | None = None, reasoning_effort: str | None = None,
        models: Sequence[str] | None = None, max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None, **call_options: Unpack[CallOptions],
    ) -> ChatCompletion: ...
    @overload
    async def create(
        self, *, messages: Messages, model: str | None = None, stream: Literal[True],
        temperature: float | None = None, max_tokens: int | None = None, top_p: float | None = None,
        stop: str | Sequence[str] | None = None, tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None, parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None, seed: int | None = None, n: int | None = None,
        stream_options: Mapping[str, Any] | None = None, user: str | None = None,
        presence_penalty: float | None = None, frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None, logprobs: bool | None = None, top_logprobs: int | None = None,
        max_completion_tokens: int | None = None, reasoning_effort: str | None = None,
        models: Sequence[str] | None = None, max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None, **call_options: Unpack[CallOptions],
    ) -> ChatStream: ...
    @overload
    async def create(
        self, *, messages: Messages, model: str | None = None, stream: bool,
        temperature: float | None = None, max_tokens: int | None = None, top_p: float | None = None,
        stop: str | Sequence[str] | None = None, tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None, parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None, seed: int | None = None, n: int | None = None,
        stream_options: Mapping[str, Any] | None = None, user: str | None = None,
        presence_penalty: float | None = None, frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None, logprobs: bool | None = None, top_logprobs: int | None = None,
        max_completion_tokens: int | None = None, reasoning_effort: str | None = None,
        models: Sequence[str] | None = None, max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None, **call_options: Unpack[CallOptions],
    ) -> ChatCompletion | ChatStream: ...
    async def create(
        self, *, messages: Messages, model: str | None = None, stream: bool = False,
        temperature: float | None = None, max_tokens: int | None = None, top_p: float | None = None,
        stop: str | Sequence[str] | None = None, tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None, parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None, seed: int | None = None, n: int | None = None,
        stream_options: Mapping[str, Any] | None = None, user: str | None = None,
        presence_penalty: float | None = None, frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None, logprobs: bool | None = None, top_logprobs: int | None = None,
        max_completion_tokens: int | None = None, reasoning_effort: str | None = None,
        models: Sequence[str] | None = None, max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None, **call_options: Unpack[CallOptions],
    ) -> ChatCompletion | ChatStream:
        """
        Ask a model for an answer.

        Like every billable call it is repeated after a failure, unless the client forbids it: twice costs tokens
        twice. Arguments that are None are not sent, and the service's own default holds. `model`, `messages`,
        `stream`, `temperature`, `max_tokens`, `top_p`, `stop`, `tools` and those from `models` on are documented;
        the others are as in OpenAI's API.

        Args:
            messages: What was said so far, at least one: mappings with ``role`` (``system``, ``user``, ``assistant``
                or ``tool``) and ``content`` (text or content parts). The `Message` of an answer can be passed on as is.
            model: Id of a model, or ``nexevo/fast``, ``nexevo/balanced``, ``nexevo/auto``; a suffix ``:fast``,
                ``:cheap`` or ``:quality`` is a preference. May be None if `models` is given.
            stream: True gives a `ChatStream` instead of the whole answer.
            temperature: 0 to 2.
            max_tokens: Most tokens of the answer, at least 1.
            top_p: Share of the probability that tokens are drawn from, 0 to 1.
            stop: A text, or a list of texts, before which the answer ends.
            tools: What the model may call.
            tool_choice: ``auto``, ``none``, ``required``, or the tool to be called.
            parallel_tool_calls: Whether several tools may be called in one answer.
            response_format: Form of the answer, such as ``{"type": "json_object"}``.
            seed: For answers that repeat, as far as the model can.
            n: How many answers, at least 1.
            stream_options: For a stream: ``{"include_usage": True}`` asks for usage on the last chunk.
            user: Whom it is for, an opaque name of yours.
            presence_penalty: -2 to 2; above 0 favours new subjects.
            frequency_penalty: -2 to 2; above 0 disfavours repetition.
            logit_bias: Token ids and what is added to their likelihood, -100 to 100.
            logprobs: Whether to send the probabilities of the tokens.
            top_logprobs: How many of the likeliest tokens to send at each place, 0 to 20.
            max_completion_tokens: Most tokens of the answer, reasoning included, at least 1.
            reasoning_effort: ``low``, ``medium``, ``high`` or what else the model knows.
            models: Models that the service tries in this order, in one call.
            max_price: Ceilings in USD: ``prompt`` and ``completion`` for a million tokens, ``total`` for the request,
                which needs `max_tokens`. `Decimal`, whole number or decimal text; a float is refused.
            provider: ``{"data_collection": "deny"}`` avoids providers that keep the data.
            options: Of the Conductor: ``recall``, ``verify``, ``agent``, ``max_cost_usd`` (an exact amount).
            metadata: ``conversation_id`` keeps a conversation on the same route.
            **call_options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: An argument cannot work; the message names it.
            InsufficientBalanceError: The account or the key has no money left.
            BadRequestError: The service refuses the request, or no model fits under `max_price`.
            RateLimitError: Too many calls came before this one, and waiting would miss the deadline.

        .. versionadded:: 0.1.0
        """
        check_options(ROUTE, call_options)
        body = request_body(
            call_options.get("extra_body"), messages, model, stream, temperature, max_tokens, top_p, stop, tools,
            tool_choice, parallel_tool_calls, response_format, seed, n, stream_options, user, presence_penalty,
            frequency_penalty, logit_bias, logprobs, top_logprobs, max_completion_tokens, reasoning_effort, models,
            max_price, provider, options, metadata,
        )
        if stream:
            return await self._open(body, call_options, MAX_EVENT_BYTES, call_site())
        answer = self._transport.fetch(ROUTE, ChatCompletion, call_options, json=body, shape=_shape(body))
        del body  # else it lives as long as the call, and is sent as bytes
        return _completed(await answer)

    def stream(
        self, *, messages: Messages, model: str | None = None,
        temperature: float | None = None, max_tokens: int | None = None, top_p: float | None = None,
        stop: str | Sequence[str] | None = None, tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None, parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None, seed: int | None = None, n: int | None = None,
        stream_options: Mapping[str, Any] | None = None, user: str | None = None,
        presence_penalty: float | None = None, frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None, logprobs: bool | None = None, top_logprobs: int | None = None,
        max_completion_tokens: int | None = None, reasoning_effort: str | None = None,
        models: Sequence[str] | None = None, max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None, max_event_bytes: int = MAX_EVENT_BYTES,
        **call_options: Unpack[CallOptions],
    ) -> ChatStreamManager:
        """
        Ask a model for an answer that arrives as it is made.

        ``async with client.chat.completions.stream(…) as stream:`` sends the request on entering and frees the
        connection on leaving; ``await`` gives the `ChatStream` itself. Another endpoint may be tried until the head of
        a good answer is there, never after.

        Args:
            messages: As for `create`, like all arguments that are not described here.
            model: As for `create`.
            max_event_bytes: Largest event of the stream that is accepted, in bytes. Default 8 MiB.
            **call_options: Options of this call; see `CallOptions`. `timeout` covers the stream to its last byte.

        Raises:
            ConfigurationError: An argument cannot work; the message names it.

        .. versionadded:: 0.1.0
        """
        check_options("chat.completions.stream", call_options)
        body = request_body(
            call_options.get("extra_body"), messages, model, True, temperature, max_tokens, top_p, stop, tools,
            tool_choice, parallel_tool_calls, response_format, seed, n, stream_options, user, presence_penalty,
            frequency_penalty, logit_bias, logprobs, top_logprobs, max_completion_tokens, reasoning_effort, models,
            max_price, provider, options, metadata,
        )
        whole("max_event_bytes", max_event_bytes)
        site = call_site()
        return ChatStreamManager(lambda: self._open(body, call_options, max_event_bytes, site))
    # fmt: on

    async def _open(
        self, body: dict[str, Any], options: CallOptions, max_event_bytes: int, site: Site | None
    ) -> ChatStream:
        began = time.monotonic()
        answer, call, timeout = await self._transport.open(ROUTE, options, json=body, shape=_shape(body))
        return ChatStream(
            answer,
            call=ROUTE,
            timeout=timeout,
            deadline=call.deadline,
            attempts=call.attempts,
            # Time lost on attempts that failed is not this answer's.
            waited=0.0 if call.attempts else time.monotonic() - began,
            choices=(options.get("extra_body") or {}).get("n") or body.get("n") or 1,
            max_event_bytes=max_event_bytes,
            site=site,
        )


def _shape(body: Mapping[str, Any]) -> str:
    """The model, which is what makes chats differ for the service."""
    models = body.get("models")
    return str(body.get("model") or (models[0] if models else ""))


def _completed(answer: ChatCompletion) -> ChatCompletion:
    """The answer with what only its headers tell."""
    if not isinstance(answer, ChatCompletion):
        return answer  # the raw view gives bytes, and reads them when asked
    if "choices" not in (answer._raw or ()):
        raise APIResponseValidationError(
            "the answer cannot be read: choices: missing",
            problems=("choices: missing",),
            headers=answer.headers,
            body=answer.to_dict(),
            call=ROUTE,
            trace_id=answer.trace_id,
        )
    headers = answer.headers
    return answer if headers is None else complete_from_headers(answer, headers)
