# Written by tools/generate_sync.py from nexevo_async/resources/chat.py; change that, and run: make generate
"""``client.chat.completions``: the main call, whole or as a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, Unpack, overload

from nexevo_async._sansio.sse import MAX_EVENT_BYTES
from nexevo_async.models.chat import ChatCompletion
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources._chat_request import Messages
from nexevo_async.resources.chat import Chat as AsyncChat
from nexevo_async.resources.chat import ChatCompletions as AsyncChatCompletions
from nexevo_async.streaming import ChatStream as AsyncChatStream
from nexevo_sync._shapes import Twin
from nexevo_sync.streaming import ChatStream, ChatStreamManager


class Chat(Twin[AsyncChat]):
    """
    Everything about chats.

    Reached as ``client.chat``.

    Attributes:
        completions: Answers of models to messages.
    """

    @cached_property
    def completions(self) -> ChatCompletions:
        """Let a model answer messages."""
        return ChatCompletions(self._portal, self._async.completions)


class ChatCompletions(Twin[AsyncChatCompletions]):
    """
    Let a model answer messages.

    Reached as ``client.chat.completions``. The route is documented.
    """

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
    ) -> ChatCompletion: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
    ) -> ChatStream: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
    ) -> ChatCompletion | ChatStream: ...

    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
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
        answer = self._portal.call(
            lambda: self._async.create(
                messages=messages,
                model=model,
                stream=stream,
                temperature=temperature,
                max_tokens=max_tokens,
                top_p=top_p,
                stop=stop,
                tools=tools,
                tool_choice=tool_choice,
                parallel_tool_calls=parallel_tool_calls,
                response_format=response_format,
                seed=seed,
                n=n,
                stream_options=stream_options,
                user=user,
                presence_penalty=presence_penalty,
                frequency_penalty=frequency_penalty,
                logit_bias=logit_bias,
                logprobs=logprobs,
                top_logprobs=top_logprobs,
                max_completion_tokens=max_completion_tokens,
                reasoning_effort=reasoning_effort,
                models=models,
                max_price=max_price,
                provider=provider,
                options=options,
                metadata=metadata,
                **call_options,
            )
        )
        return ChatStream(self._portal, answer) if isinstance(answer, AsyncChatStream) else answer

    def stream(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        max_event_bytes: int = MAX_EVENT_BYTES,
        **call_options: Unpack[CallOptions],
    ) -> ChatStreamManager:
        """
        Ask a model for an answer that arrives as it is made.

        ``with client.chat.completions.stream(…) as stream:`` sends the request on entering and frees the
        connection on leaving; `open` gives the `ChatStream` itself. Another endpoint may be tried until the head of
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
        return ChatStreamManager(
            self._portal,
            self._async.stream(
                messages=messages,
                model=model,
                temperature=temperature,
                max_tokens=max_tokens,
                top_p=top_p,
                stop=stop,
                tools=tools,
                tool_choice=tool_choice,
                parallel_tool_calls=parallel_tool_calls,
                response_format=response_format,
                seed=seed,
                n=n,
                stream_options=stream_options,
                user=user,
                presence_penalty=presence_penalty,
                frequency_penalty=frequency_penalty,
                logit_bias=logit_bias,
                logprobs=logprobs,
                top_logprobs=top_logprobs,
                max_completion_tokens=max_completion_tokens,
                reasoning_effort=reasoning_effort,
                models=models,
                max_price=max_price,
                provider=provider,
                options=options,
                metadata=metadata,
                max_event_bytes=max_event_bytes,
                **call_options,
            ),
        )
