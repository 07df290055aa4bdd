"""
From the chunks of a stream to the completion they add up to.

Servers differ in almost everything here (`contract.md` section 3 lists what was seen): nothing but the pieces
themselves is relied on, and what nobody declared is put together too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from nexevo_async.models._common import Model, declared
from nexevo_async.models.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    FunctionCall,
    Logprobs,
    Message,
    NexevoInfo,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)

#: Fields that name something: a later value replaces the earlier one. Other text is grown piece by piece.
_NAMES: Final = frozenset({"format", "id", "index", "name", "object", "role", "signature", "type"})
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def assemble(chunks: Iterable[ChatCompletionChunk]) -> ChatCompletion:
    """The completion that chunks add up to, finished or not."""
    assembler = Assembler()
    for chunk in chunks:
        assembler.add(chunk)
    return assembler.result()


class Assembler:
    """Takes chunks one by one; `result` gives what they add up to so far, as often as it is asked."""

    __slots__ = ("_choices", "_extra", "_first", "_info", "_model", "_system_fingerprint", "_usage")

    def __init__(self) -> None:
        self._choices: dict[int, _ChoiceParts] = {}
        self._extra: dict[str, Any] = {}
        self._first: ChatCompletionChunk | None = None
        self._info: dict[str, Any] = {}
        self._model: str | None = None
        self._system_fingerprint: str | None = None
        self._usage: Usage | None = None

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take the next chunk."""
        if self._first is None:
            self._first = chunk  # some servers send a new id in every chunk: the first one names the completion
        self._model = self._model or chunk.model
        self._system_fingerprint = chunk.system_fingerprint or self._system_fingerprint
        self._usage = chunk.usage or self._usage
        if chunk.nexevo is not None:
            _replace(self._info, chunk.nexevo)
        _replace(self._extra, _extra(chunk))
        for choice in chunk.choices:
            parts = self._choices.get(choice.index)
            if parts is None:
                parts = self._choices[choice.index] = _ChoiceParts(choice.index)
            parts.add(choice)

    @property
    def empty(self) -> bool:
        """Whether no chunk has come yet."""
        return self._first is None

    def finished(self, expected: int = 1) -> bool:
        """Whether every choice seen has a finish reason, and as many were seen as were asked for."""
        choices = self._choices.values()
        return len(choices) >= expected and all(parts.finish_reason for parts in choices)

    def result(self) -> ChatCompletion:
        """What has come so far; finish reasons that have not come are None."""
        first = self._first or ChatCompletionChunk()
        return ChatCompletion(
            id=first.id,
            object="chat.completion",
            created=first.created,
            model=self._model,
            choices=[self._choices[index].result() for index in sorted(self._choices)],
            usage=self._usage,
            nexevo=NexevoInfo(
                generation_id=self._info.get("generation_id"),
                model_used=self._info.get("model_used"),
                models_tried=self._info.get("models_tried"),
                _raw=dict(self._info),
            ),
            system_fingerprint=self._system_fingerprint,
            _raw=dict(self._extra),
        )


class _ChoiceParts:
    """The pieces of one choice."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.finish_reason: str | None = None
        self.role: str | None = None
        self.content: list[str] | None = None
        self.refusal: list[str] | None = None
        self.calls: list[_CallParts] = []
        self.logprobs: dict[str, list[TokenLogprob]] | None = None
        self.extra: dict[str, Any] = {}
        self.message_extra: dict[str, Any] = {}

    def add(self, choice: ChunkChoice) -> None:
        delta = choice.delta
        self.finish_reason = choice.finish_reason or self.finish_reason
        self.role = self.role or delta.role
        if delta.content is not None:
            self.content = _grown(self.content, delta.content)
        if delta.refusal is not None:
            self.refusal = _grown(self.refusal, delta.refusal)
        for call in delta.tool_calls or ():
            self._call_of(call).add(call)
        if choice.logprobs is not None:
            self._add_logprobs(choice.logprobs)
        _replace(self.extra, _extra(choice))
        grow(self.message_extra, _extra(delta))

    def _add_logprobs(self, logprobs: Logprobs) -> None:
        if self.logprobs is None:
            self.logprobs = {}
        for name in ("content", "refusal"):
            if (tokens := getattr(logprobs, name)) is not None:
                self.logprobs.setdefault(name, []).extend(tokens)

    def _call_of(self, delta: ToolCallDelta) -> _CallParts:
        """The call that a piece belongs to: by its index, else by its id, else the one before."""
        for parts in reversed(self.calls):
            if parts.is_continued_by(delta):
                return parts
        self.calls.append(_CallParts(delta.index))
        return self.calls[-1]

    def result(self) -> Choice:
        message = Message(
            role=self.role or "assistant",
            content=None if self.content is None else "".join(self.content),
            refusal=None if self.refusal is None else "".join(self.refusal),
            tool_calls=[call.result() for call in self.calls] or None,
            _raw=_copied(self.message_extra),
        )
        logprobs = None
        if self.logprobs is not None:
            content, refusal = self.logprobs.get("content"), self.logprobs.get("refusal")
            logprobs = Logprobs(content=content and list(content), refusal=refusal and list(refusal))
        return Choice(
            index=self.index,
            message=message,
            finish_reason=self.finish_reason,
            logprobs=logprobs,
            _raw=dict(self.extra),
        )


class _CallParts:
    """The pieces of one tool call."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id: str | None = None
        self.type: str | None = None
        self.name = ""
        self.arguments: list[str] = []
        self.extra: dict[str, Any] = {}
        self.function_extra: dict[str, Any] = {}

    def is_continued_by(self, delta: ToolCallDelta) -> bool:
        # A new id together with a name begins a call, even if the server numbers all its calls 0.
        names = delta.function is not None and delta.function.name
        if delta.id and self.id and delta.id != self.id and names:
            return False
        if delta.index is not None:
            return delta.index == self.index
        return not delta.id or delta.id == self.id

    def add(self, delta: ToolCallDelta) -> None:
        self.id = self.id or delta.id
        self.type = self.type or delta.type
        grow(self.extra, _extra(delta))
        function = delta.function
        if function is None:
            return
        if function.name and function.name != self.name:  # some servers repeat the whole name
            self.name += function.name
        if function.arguments:
            self.arguments.append(function.arguments)
        grow(self.function_extra, _extra(function))

    def result(self) -> ToolCall:
        function = FunctionCall(
            name=self.name or None, arguments="".join(self.arguments), _raw=_copied(self.function_extra)
        )
        return ToolCall(id=self.id, type=self.type or "function", function=function, _raw=_copied(self.extra))


def _grown(pieces: list[str] | None, piece: str) -> list[str]:
    if pieces is None:
        return [piece]
    pieces.append(piece)
    return pieces


def grow(whole: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add fields that nobody declared: text is appended, lists are extended, objects grow field by field."""
    for name, value in piece.items():
        old = whole.get(name)
        if value is None:
            continue
        if isinstance(value, dict):
            inner = whole[name] = old if isinstance(old, dict) else {}
            grow(inner, value)
        elif isinstance(value, list):
            whole[name] = [*old, *value] if isinstance(old, list) else list(value)
        elif isinstance(value, str) and isinstance(old, str) and name not in _NAMES:
            whole[name] = old + value
        else:
            whole[name] = value


def _replace(whole: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Take over fields, except for those that are null."""
    if piece:
        whole.update((name, value) for name, value in piece.items() if value is not None)


def _extra(part: Model) -> Mapping[str, Any]:
    """`Model.extra`, but at no cost where there is nothing: almost always, and there are thousands of chunks."""
    raw = part._raw
    return _NOTHING if not raw or raw.keys() <= _declared_names(type(part)) else part.extra


@cache
def _declared_names(cls: type[Model]) -> frozenset[str]:
    return frozenset(field.name for field in declared(cls))


def _copied(extra: dict[str, Any]) -> dict[str, Any]:
    """A copy that further pieces do not change."""
    copied: dict[str, Any] = {}
    grow(copied, extra)
    return copied


def as_chunk(completion: Mapping[str, Any]) -> dict[str, Any]:
    """A whole completion, as some servers send it where a stream was asked for, as the JSON of one chunk."""
    choices = completion.get("choices")
    if isinstance(choices, list):
        choices = [_as_chunk_choice(choice) for choice in choices]
    return {**completion, "object": "chat.completion.chunk", "choices": choices}


def _as_chunk_choice(choice: Any) -> Any:
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        return choice
    rest = {name: value for name, value in choice.items() if name != "message"}
    delta = dict(choice["message"])
    if isinstance(delta.get("tool_calls"), list):
        numbered = enumerate(delta["tool_calls"])
        delta["tool_calls"] = [{"index": i, **call} if isinstance(call, dict) else call for i, call in numbered]
    return {**rest, "delta": delta}
