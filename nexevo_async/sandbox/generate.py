"""Deterministic stand-ins for what a model says: text, tokens, and JSON that fits a schema. Pure: same in, same out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

#: A word piece: up to six letters or one other sign, with the white space before it. Pieces joined give the text back.
_PIECE = re.compile(r"\s*(?:[A-Za-z0-9_]{1,6}|\S)|\s+")

_ECHO_LIMIT = 200
_DEPTH_LIMIT = 8

_CLOSERS = (
    "That is a fine thing to say.",
    "Thank you for telling me.",
    "I will keep it in mind.",
    "It made my day a little brighter.",
    "Tell me more whenever you like.",
    "Nothing left this machine, by the way.",
    "A real model would have more to add.",
    "I enjoy our little talks.",
)

_FORMATS = {
    "date-time": "2025-01-01T12:00:00Z",
    "date": "2025-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def pieces(text: str) -> list[str]:
    """The text cut into tokens; joined they give it back, sign by sign."""
    return _PIECE.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens a text has here. Real models count differently."""
    return len(_PIECE.findall(text))


def digest(*parts: object) -> int:
    """A number that depends on all parts and on nothing else; it stands in for chance."""
    text = "\x1f".join(map(str, parts)).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def content_text(content: Any) -> str:
    """The text of a message's content: the string itself, or the text parts joined with line ends."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict) and "text" in part)


def last_text(messages: Sequence[Mapping[str, Any]], role: str) -> str:
    """What the last message of a role says; empty if there is none."""
    for message in reversed(messages):
        if message["role"] == role:
            return content_text(message.get("content"))
    return ""


def prose(messages: Sequence[Mapping[str, Any]], chance: int) -> str:
    """A short friendly answer that repeats what was said last, by the user or by a tool."""
    role = "tool" if messages[-1]["role"] == "tool" else "user"
    said = " ".join(last_text(messages, role).split())
    if len(said) > _ECHO_LIMIT:
        said = said[: _ECHO_LIMIT - 1] + "…"
    first, second = _CLOSERS[chance % 8], _CLOSERS[(chance + 1 + chance // 8 % 7) % 8]  # never the same twice
    if not said:
        return f"Hello! You said nothing yet. {first} {second}"
    opening = "The tool answered" if role == "tool" else "You said"
    return f'{opening}: "{said}". {first} {second}'


def wanted_tools(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], choice: Any, *, parallel: bool
) -> list[Mapping[str, Any]]:
    """
    The functions to call, in the order of `tools`.

    A forced choice wins; else those whose name the last user message holds, as long as that message is the last word.
    """
    functions = [tool["function"] for tool in tools]
    if choice == "none" or not functions:
        return []
    if isinstance(choice, dict):
        return [function for function in functions if function["name"] == choice["function"]["name"]]
    said = last_text(messages, "user") if messages[-1]["role"] == "user" else ""
    named = [function for function in functions if re.search(rf"\b{re.escape(function['name'])}\b", said)]
    if choice == "required" and not named:
        named = functions[:1]
    return named if parallel else named[:1]


def tool_arguments(function: Mapping[str, Any]) -> str:
    """JSON text of arguments that fit the function's parameters."""
    return orjson.dumps(example(function.get("parameters") or {"type": "object"})).decode()


def json_text(response_format: Mapping[str, Any], said: str) -> str:
    """The answer to ``response_format``: an object that echoes, or one that fits the given schema."""
    if response_format["type"] == "json_schema":
        return orjson.dumps(example(response_format["json_schema"].get("schema") or {"type": "object"})).decode()
    return orjson.dumps({"answer": said[:_ECHO_LIMIT]}).decode()


def example(schema: Any) -> Any:
    """A simple value that fits a JSON schema. Patterns and exotic keywords are not read."""
    return _example(schema, schema, 0)


def _example(schema: Any, root: Any, depth: int) -> Any:
    schema = _settled(schema, root, depth)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    match kind or _guessed_type(schema):
        case "object":
            return _object(schema, root, depth)
        case "array":
            return _array(schema, root, depth)
        case "string":
            return _string(schema)
        case "integer":
            return int(_number(schema, whole=True))
        case "number":
            return _number(schema, whole=False)
        case "boolean":
            return True
        case _:
            return None


def _settled(schema: Any, root: Any, depth: int) -> dict[str, Any]:
    """The schema with references followed and one branch of every choice taken."""
    for _ in range(20):  # a chain of references longer than this is a circle
        if not isinstance(schema, dict):
            return {"type": "string"} if schema is True else {}
        if "$ref" in schema:
            schema = {**_pointed(root, schema["$ref"]), **{k: v for k, v in schema.items() if k != "$ref"}}
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
            schema = {**rest, **_branch(options, depth)}
        elif parts := schema.get("allOf"):
            schema = _merged({k: v for k, v in schema.items() if k != "allOf"}, parts, root)
        else:
            return schema
    return {}


def _branch(options: list[Any], depth: int) -> dict[str, Any]:
    """The first branch that is not null; deep down the null one, so that recursive schemas end."""
    null = [option for option in options if isinstance(option, dict) and option.get("type") == "null"]
    rest = [option for option in options if isinstance(option, dict) and option.get("type") != "null"]
    chosen = null if null and (depth > _DEPTH_LIMIT // 2 or not rest) else rest
    return chosen[0] if chosen else {}


def _merged(base: dict[str, Any], parts: list[Any], root: Any) -> dict[str, Any]:
    merged = dict(base)
    for part in parts:
        part = _pointed(root, part["$ref"]) if isinstance(part, dict) and "$ref" in part else part
        for key, value in part.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged[key] = value
    return merged


def _pointed(root: Any, reference: str) -> dict[str, Any]:
    """What a local JSON pointer such as ``#/$defs/Step`` points at; an empty schema if nothing is there."""
    found = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _guessed_type(schema: Mapping[str, Any]) -> str:
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "string"


def _object(schema: Mapping[str, Any], root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    names = [*properties, *(name for name in required if name not in properties)]
    if depth >= _DEPTH_LIMIT:
        names = [name for name in names if name in required] if depth < 2 * _DEPTH_LIMIT else []
    return {name: _example(properties.get(name, True), root, depth + 1) for name in names}


def _array(schema: Mapping[str, Any], root: Any, depth: int) -> list[Any]:
    fixed = [_example(item, root, depth + 1) for item in schema.get("prefixItems") or []]
    least = schema.get("minItems", 0)
    wanted = max(least, 0 if depth >= _DEPTH_LIMIT or schema.get("maxItems") == 0 else 1, len(fixed))
    item = schema.get("items", True)
    if item is False:
        return fixed
    return fixed + [_example(item, root, depth + 1) for _ in range(wanted - len(fixed))]


def _string(schema: Mapping[str, Any]) -> str:
    text = _FORMATS.get(str(schema.get("format")), "example")
    text += "." * (int(schema.get("minLength", 0)) - len(text))
    return text[: int(schema.get("maxLength", len(text)))]


def _number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    step = schema.get("multipleOf") or (1 if whole else 0)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    value: int | float = 1
    if low is not None and value <= low:
        value = low + (step or 0.5) if "exclusiveMinimum" in schema else low
    if high is not None and value >= high:
        value = high - (step or 0.5) if "exclusiveMaximum" in schema else high
    if step:
        value = -(-value // step) * step  # rounded up, so that a lower bound still holds
    return value
