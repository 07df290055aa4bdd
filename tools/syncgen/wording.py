"""How words about coroutines become words about blocking calls, in docstrings and in the examples inside them."""

from __future__ import annotations

import re

__all__ = ["OPEN", "fitted", "sync_text", "with_uvloop"]

#: Whole phrases first, because what is left of them would not read well.
_PHRASES = {
    "Async client for": "Blocking client for",
    "Making one does no I/O and needs no running event loop; connections are opened on first use, one pool for each\n"
    "process and loop. One client serves a whole application: thousands of calls at once, any number of tasks.": (
        "Making one does no I/O; connections are opened on first use, by a private event loop on a thread of its own.\n"
        "One client serves a whole application: any number of threads share it, and it goes on working after a fork,\n"
        "in the parent and in the child. In asynchronous code use `nexevo_async.AsyncNexevo`, which does not block."
    ),
    "or a function (sync or async) that": "or a function that may block and",
    "Most connections at once, per event loop.": "Most connections at once.",
    "Your own `aiohttp.ClientSession`, without an Authorization header; used as it is and never closed.": (
        "Refused here: a session belongs to the event loop it was made on. For `nexevo_async.AsyncNexevo`."
    ),
    "`Hooks` that see every attempt, called in order.": (
        "`Hooks` that see every attempt, called in order. They may block: they run on threads of their own."
    ),
    "Close connections and background tasks, and wait until they are gone.": (
        "Close connections, background tasks and the private event loop, and wait until they are gone."
    ),
    "Nothing is asked until it is awaited or iterated.": (
        "It is the first page, and iterating over it goes on to the others."
    ),
    "``await pages`` gives the first `Page`; ``async for item in pages`` gives the items of all pages, fetching\n"
    "each when it is reached; ``async for page in pages.pages()`` goes page by page. Each of them starts from the\n"
    "beginning.": (
        "Attributes, indexes, ``len`` and ``in`` speak of the first page, which `first` gives on its own;\n"
        "``for item in pages`` gives the items of all pages, fetching each when it is reached;\n"
        "``for page in pages.pages()`` goes page by page. Each of them starts from the beginning."
    ),
    "Iterating fetches page after page; awaiting gives the first.": (
        "The first page is fetched at once, the others when iteration reaches them."
    ),
    "``async with`` it, or await it, to send the request and get the stream.": (
        "``with`` it, or `open` it, to send the request and get the stream."
    ),
    "connection on leaving; ``await`` gives the `ChatStream` itself.": (
        "connection on leaving; `open` gives the `ChatStream` itself."
    ),
    "Iteration is a class with one step per call; no scope, task or timer lives between two steps, so a stream can be\n"
    "driven from any task, left at any point, and collected.": (
        "What arrives is read by the client's event loop and crosses to the reading thread all at once: at most 64\n"
        "chunks, more than that as bytes that the reader makes chunks of. A slow reader slows the server."
    ),
    "frees the connection, as do cancelling and errors.": "frees the connection, as do Ctrl-C and errors.",
    "slows the calls: at most twice `concurrency` items are begun whose rows were not handed out (four times, if\n"
    "`ordered`).": (
        "slows the calls: at most twice `concurrency` items are begun whose rows were not handed out (four times, if\n"
        "`ordered`), and at most `concurrency` further rows wait on this side."
    ),
    "Called with a view of this client and an item.": (
        "Called with a view of this client and an item, on a thread of its own, so it may block."
    ),
    "leaving cancels the calls in flight and waits until they have ended. So does cancelling a step.": (
        "leaving cancels the calls in flight, streams included, and waits until the function has ended in every\n"
        "thread. So does Ctrl-C while waiting for a row."
    ),
    "End the job: cancel the calls in flight, wait until they have ended,": (
        "End the job: cancel the calls in flight, wait until the function has ended in every thread,"
    ),
    "put together from the chunks that were given out; waits for nothing.": (
        "put together from the chunks that have arrived, which may be more than were read; waits for nothing."
    ),
}

_WORDS = (
    (r"\basync (with|for|def)\b", r"\1"),
    (r"``await (?=\w)", "``"),
    (r"\bawait (?=[\w.]+\()", ""),
    (r"(?<!nexevo_async\.)\bAsyncNexevo\b", "Nexevo"),
    (r"\bnexevo_async\b(?!\.AsyncNexevo)", "nexevo_sync"),
    (r"\baclose\b", "close"),
)

_UVLOOP = "uvloop: Whether the private event loop is uvloop's (extra ``speed``). Default False."
_UVLOOP_MISSING = "ImportError: uvloop was asked for and is not installed."
OPEN = "Send the request and give the stream, for those who cannot use ``with`` and will close it themselves."


def sync_text(text: str) -> str:
    """The words of a docstring (without its indentation), for the blocking twin."""
    for before, after in _PHRASES.items():
        text = re.sub(r"\s+".join(map(re.escape, before.split())), after.replace("\\", r"\\"), text)
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return text


def with_uvloop(text: str) -> str:
    """The docstring of the client, with the argument that only the blocking one has."""
    text = re.sub(r"(\n    hooks: .*?)(?=\n\n)", rf"\1\n    {_UVLOOP}", text, count=1, flags=re.DOTALL)
    return re.sub(r"(\nRaises:\n.*?)(?=\n\n|\Z)", rf"\1\n    {_UVLOOP_MISSING}", text, count=1, flags=re.DOTALL)


def fitted(text: str, width: int) -> str:
    """The text with no line longer than `width`: what does not fit goes to the next line of the same paragraph."""
    lines = text.split("\n")
    for number, line in enumerate(lines):  # grows on the way
        if len(line) <= width:
            continue
        end = line.rfind(" ", 0, width + 1)
        lines[number], rest = line[:end], line[end + 1 :]
        margin = len(line) - len(line.lstrip())
        if re.match(r" +[\w*]+: ", line):
            margin += 4  # an argument, whose further lines are indented
        after = lines[number + 1] if number + 1 < len(lines) else ""
        if after.strip() and len(after) - len(after.lstrip()) == margin:
            lines[number + 1] = f"{' ' * margin}{rest} {after.lstrip()}"
        else:
            lines.insert(number + 1, " " * margin + rest)
    return "\n".join(lines)
