"""
Write the reference pages from the docstrings.

``python tools/write_reference.py`` writes; ``--check`` only compares, and exits with 1 if a page differs, is missing or
is left over. Everything is made in memory first, so that both look at the same pages.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from nexevo_async._routes import ROUTES
from nexevo_async._sansio.failover import TABLE

__all__ = ["Docstring", "anchor", "main", "pages", "parse"]

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"
#: Written by hand: what each page is about.
BY_HAND: Final = frozenset({"README.md"})
NOTE: Final = "<!-- Written by tools/write_reference.py from the docstrings: edit those, then run `make generate`. -->"

CLIENT: Final = (
    "client:AsyncNexevo",
    "streaming:ChatStreamManager ChatStream TextIterator",
    "pagination:Pages Page PageIterator ItemIterator",
    "_answers:RawResponse",
)
RESOURCES: Final = (
    "resources._base:CallOptions",
    "resources.chat:ChatCompletions",
    "resources.models:Models",
    "resources.embeddings:Embeddings",
    "resources.conversations:Conversations",
    "resources.auth:Auth",
    "resources.keys:Keys",
    "resources.billing:Billing suggest_idempotency_key",
    "resources.organizations:Organizations",
    "resources.feedback:FeedbackResource",
    "resources.sub_accounts:SubAccounts",
    "resources.endpoints:Endpoints",
    "batch:Batch BatchRows BatchRow",
)
CONFIGURATION: Final = (
    "config:Timeout",
    "_sansio.policy:RetryPolicy HealthPolicy",
    "models.endpoints:Endpoint",
    "hooks:Hooks AttemptStart EndpointChange",
    "_messages:Attempt",
    "_headers:Headers",
)
TESTING: Final = ("testing.plugin:nexevo_sandbox nexevo_client nexevo_sync_client",)
SANDBOX: Final = ("sandbox.box:Sandbox", "sandbox.faults:Fault", "sandbox.journal:JournalEntry")

#: Every variable that the packages read; a test compares the list with the source.
ENVIRONMENT: Final = {
    "NEXEVO_API_KEY": "The API key, where the client is given none.",
    "NEXEVO_BASE_URLS": "Base URLs, most preferred first, separated by commas or spaces.",
    "NEXEVO_BASE_URL": "A single base URL; `NEXEVO_BASE_URLS` wins.",
    "NEXEVO_DISCOVERY_URL": "The discovery host. It receives the key.",
    "NEXEVO_CACHE_DIR": "Folder of the small file in which processes share health checks and discovered base URLs; the "
    "default is `nexevo` in the user's cache folder. Empty: nothing is shared.",
    "NEXEVO_LOG": "`debug`, `info`, `warning` or `error`: log to standard error from that level on.",
    "NEXEVO_UPSTREAM_KEY": "Read by the sandbox alone: the credential for `--upstream`.",
}

_SECTION: Final = re.compile(r"^(Args|Attributes|Raises|Returns):$", re.MULTILINE)
_ITEM: Final = re.compile(r"^(\*{0,2}\w+):\s+(.*)$", re.DOTALL)


@attrs.frozen(kw_only=True)
class Docstring:
    """
    A docstring in parts.

    Attributes:
        text: What stands before the first section, as Markdown.
        sections: Names and descriptions under ``Args``, ``Attributes``, ``Raises``; ``Returns`` has one entry
            without a name.
        since: The version that brought it, or None if the docstring does not say.
    """

    text: str
    sections: dict[str, dict[str, str]]
    since: str | None


def parse(docstring: str | None) -> Docstring:
    """A docstring in Google style, taken apart."""
    clean = inspect.cleandoc(docstring or "")
    found = re.search(r"^\.\. versionadded:: (\S+)$", clean, re.MULTILINE)
    clean = re.sub(r"^\.\. versionadded:: .*$", "", clean, flags=re.MULTILINE)
    head, *rest = _SECTION.split(clean)
    sections: dict[str, dict[str, str]] = {}
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        entries = sections.setdefault(name, {})
        for piece in re.split(r"\n(?=\S)", inspect.cleandoc(body)):
            match = None if name == "Returns" else _ITEM.match(piece)
            key, text = match.groups() if match else ("", piece)
            entries[key.lstrip("*")] = _markdown(" ".join(text.split()))
    return Docstring(text=_markdown(head.strip()), sections=sections, since=found[1] if found else None)


def _markdown(text: str) -> str:
    """Markdown from the little reStructuredText that the docstrings use."""
    lines: list[str] = []
    fenced = ""
    for line in text.split("\n"):
        if fenced and line and not line.startswith(" "):
            lines[-1:] = ["```", ""] if not lines[-1] else [lines[-1], "```"]
            fenced = ""
        if match := re.match(r"(?:\.\. code-block:: (\w+)|::)$", line):
            fenced = match[1] or "text"
            lines.append(f"```{fenced}")
        elif fenced:
            if lines[-1] != f"```{fenced}" or line:
                lines.append(line.removeprefix("    "))
        else:
            lines.append(re.sub(r"``(.+?)``", r"`\1`", line))
    if fenced:
        lines.append("```")
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Every page of the reference by its file name."""
    made = {
        "client.md": _page("The client", None, CLIENT),
        "resources.md": _page("Resources", RESOURCE_INTRO, RESOURCES),
        "models.md": _page("Models", "nexevo_async.models", tuple(_model_names()), "models._common:Model"),
        "errors.md": _page("Errors", "nexevo_async.errors", (f"errors:{' '.join(_error_names())}",)),
        "configuration.md": _page("Configuration", _environment(), CONFIGURATION),
        "testing.md": _page("Testing", "nexevo_async.testing", TESTING),
        "routes.md": _routes_page(),
        "sandbox.md": _page("The sandbox", SANDBOX_INTRO, SANDBOX),
    }
    homes = {
        heading.split(": ")[-1]: f"{page}#{heading}"
        for page, text in made.items()
        for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)
    }
    return {page: _linked(text, page, homes) for page, text in made.items()}


RESOURCE_INTRO: Final = (
    "One resource is one attribute of the client. Every method that makes a call takes the options of `CallOptions` "
    "as further keywords, and may raise any error of [Errors](errors.md); under *Raises* stand those that "
    "belong to the method.\n\nIn `nexevo_sync` the same methods are called without `await`."
)
ROUTES_INTRO: Final = """\
Every call, where it goes, what happens if it arrives twice, and for a call that makes something, which other call shows
whether it did. Many paths are assumptions, because nobody has published them: `route_overrides` replaces a line
([how](../how-to/undocumented-calls.md)). What the words mean is told in [retry safety](../explanation/retry-safety.md).

| call | route | if it arrives twice | look at |
| --- | --- | --- | --- |"""
MOVES_INTRO: Final = """\
## After a failure

What comes next, as long as attempts, time and the budget for repeats are left. The code runs on this very table.

| what happened | safe, idempotent | billable | keyed | unsafe |
| --- | --- | --- | --- | --- |"""
SANDBOX_INTRO: Final = (
    "How to run and script it is told in [run-the-sandbox](../how-to/run-the-sandbox.md). "
    "The names are imported from `nexevo_async.sandbox`."
)


def _page(title: str, intro: str | None, names: tuple[str, ...], *more: str) -> str:
    if intro is not None and re.fullmatch(r"[\w.]+", intro):
        intro = parse(importlib.import_module(intro).__doc__).text
    parts = [f"# {title}", NOTE, *([intro] if intro else [])]
    for line in (*more, *names):
        module, _, wanted = line.partition(":")
        home = importlib.import_module(f"nexevo_async.{module}")
        parts += [_entry(getattr(home, name)) for name in wanted.split() if hasattr(home, name)]
    return "\n\n".join(parts) + "\n"


def _routes_page() -> str:
    rows = [
        f"| `{route.name}` | `{route.method} {route.template}` | {route.safety.value} | "
        f"{f'`{route.look_at}`' if route.look_at else ''} |"
        for route in ROUTES.values()
    ]
    moves = [f"| {happened.value} | {' | '.join(move.value for move in TABLE[happened])} |" for happened in TABLE]
    return "\n".join(["# Routes", "", NOTE, "", ROUTES_INTRO, *rows, "", MOVES_INTRO, *moves, ""])


def _model_names() -> Iterator[str]:
    models = importlib.import_module("nexevo_async.models")
    classes = {name: getattr(models, name) for name in models.__all__ if name not in ("Model", "Endpoint")}
    for name, cls in classes.items():
        if inspect.isclass(cls):  # the rest are unions of words, shown where they are used
            yield f"{cls.__module__.removeprefix('nexevo_async.')}:{name}"


def _error_names() -> Iterator[str]:
    for name, found in vars(importlib.import_module("nexevo_async.errors")).items():
        if inspect.isclass(found) and issubclass(found, Exception):
            yield name


def _entry(thing: Any) -> str:
    """The section of a class, a function or a pytest fixture."""
    thing = getattr(thing, "_get_wrapped_function", lambda: thing)()
    document = parse(thing.__doc__)
    if not inspect.isclass(thing):
        return "\n\n".join([f"## {thing.__name__}", _signature(thing, thing.__name__), *_body(document)])
    reached = re.search(r"Reached as `(client\.[\w.]+)`", document.text)
    parts = [f"## {reached[1]}: {thing.__name__}" if reached else f"## {thing.__name__}"]
    if "Args" in document.sections or (attrs.has(thing) and "Raises" in document.sections):
        parts.append(_signature(thing.__init__, thing.__name__))
    parts += _body(document, _rows(thing, document.sections.get("Attributes")))
    for name, member in vars(thing).items():
        method = member.__func__ if isinstance(member, classmethod) else member
        if inspect.isfunction(method) and not name.startswith("_"):
            parts += [f"### {name}", _signature(method, name), *_body(parse(method.__doc__))]
    return "\n\n".join(parts)


def _rows(cls: type, described: dict[str, str] | None) -> dict[str, str]:
    """Fields and properties of a class: name with type, and description. Where some are described, only those count."""
    fields: dict[str, Any] = {field.name: field.type for field in attrs.fields(cls)} if attrs.has(cls) else {}
    own = inspect.get_annotations(cls)  # of a TypedDict they are forward references
    kinds = {name: getattr(kind, "__forward_arg__", kind) for name, kind in own.items()} | fields
    texts = {name: "" for name in kinds if name[0] != "_"} if described is None else dict(described)
    for name, member in vars(cls).items():
        if isinstance(member, property) and member.fget is not None and name[0] != "_":
            kinds[name] = inspect.signature(member.fget).return_annotation
            texts.setdefault(name, " ".join(parse(member.__doc__).text.split()))
    return {f"{name}: {kinds[name]}" if name in kinds else name: text for name, text in texts.items()}


def _body(document: Docstring, rows: dict[str, str] | None = None) -> list[str]:
    parts = [document.text] if document.text else []
    lists = {"": rows or {}} | {
        f"**{name}**\n\n": document.sections.get(name) for name in ("Args", "Returns", "Raises")
    }
    for title, entries in lists.items():
        if entries:
            lines = [": ".join(filter(None, (f"`{name}`" if name else "", text))) for name, text in entries.items()]
            parts.append(title + "\n".join(f"- {line}" for line in lines))
    return [*parts, *([f"*Added in {document.since}.*"] if document.since else [])]


def _signature(function: Any, name: str) -> str:
    signature = inspect.signature(function)
    shown = [p for p in signature.parameters.values() if p.name not in ("self", "cls") and p.name[0] != "_"]
    words, star = [], False
    for parameter in shown:
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            words.append("*")
            star = True
        words.append(_parameter(parameter))
    prefix = "async " if inspect.iscoroutinefunction(function) else ""
    returns = "" if name[0].isupper() else f" -> {signature.return_annotation}"
    line = f"{prefix}{name}({', '.join(words)}){returns}"
    if len(line) > 100:
        line = f"{prefix}{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){returns}"
    return f"```text\n{line}\n```"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    kind = str(parameter.annotation).replace("Unpack[CallOptions]", "CallOptions")
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{stars}{parameter.name}: {kind}{default}"


def _environment() -> str:
    rows = "\n".join(f"| `{name}` | {text} |" for name, text in ENVIRONMENT.items())
    return (
        "Whatever is not given as an argument of the client is taken from the environment, and else has the default "
        f"that stands here.\n\n| variable | meaning |\n| --- | --- |\n{rows}"
    )


def anchor(heading: str) -> str:
    """The anchor that a heading of a Markdown page gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _linked(text: str, page: str, homes: dict[str, str]) -> str:
    """The page with every entry that is mentioned in running text turned into a link to where it is described."""
    lines, here, fenced = [], "", False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        here = line if line.startswith("## ") else here

        def link(match: re.Match[str], here: str = here) -> str:
            heading = homes.get(match[1])
            if heading is None or here == f"## {heading.partition('#')[2]}":
                return match[0]
            target, _, title = heading.partition("#")
            return f"[{match[0]}]({'' if target == page else target}#{anchor(title)})"

        plain = fenced or line.startswith("#")
        lines.append(line if plain else re.sub(r"(?<!\[)`(\w+)`(?!\])", link, line))
    return "\n".join(lines)


def main(arguments: list[str] | None = None, *, folder: Path = FOLDER) -> int:
    """Write the pages, or compare them with ``--check``; the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference pages from the docstrings.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    check: bool = parser.parse_args(arguments).check
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*") if path.name not in BY_HAND}
    wrong = [name for name in sorted({*wanted, *there}) if wanted.get(name) != there.get(name)]
    for name in wrong:
        if check:
            problem = "is missing" if name not in there else "is left over" if name not in wanted else "is out of date"
            sys.stderr.write(f"docs/reference/{name} {problem}: run python tools/write_reference.py\n")
        elif name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return 1 if check and wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
