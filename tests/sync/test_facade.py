"""The generated blocking client: the same surface as the async one, by inspection, and each shape of call once."""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
import re
import sys
import threading
import traceback
import typing
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import nexevo_async
import nexevo_async.resources
import nexevo_sync
from nexevo_async import AsyncNexevo, AuthenticationError, ConfigurationError, Hooks, Page, RawResponse
from nexevo_async.sandbox import Sandbox
from nexevo_sync import ChatStream, Nexevo, Pages
from nexevo_sync._shapes import Twin, ViewTwin

MESSAGES = [{"role": "user", "content": "Hello there, what is new?"}]

#: What the blocking client has and the async one has not.
ONLY_SYNC = {"uvloop": (False, "bool")}

ASYNC_WORDS = re.compile(
    r"\bawait|\basync\b|coroutine|\baclose\b|\basyncio\b|(?<!nexevo_async\.)AsyncNexevo", re.IGNORECASE
)


# Parity


def modules() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The modules that users meet, in both packages."""
    names = ["client", "pagination", "streaming", "batch.resource", "batch.rows"]
    names += [f"resources.{found.name}" for found in pkgutil.iter_modules(nexevo_async.resources.__path__)]
    for name in names:
        if "._" not in name:
            yield importlib.import_module(f"nexevo_async.{name}"), importlib.import_module(f"nexevo_sync.{name}")


def sync_name(name: str) -> str:
    return {"aclose": "close"}.get(name, name.removeprefix("Async"))


def class_pairs() -> Iterator[tuple[type, type]]:
    """Every public class of those modules that is not shared, with its twin."""
    for theirs, ours in modules():
        for name, found in vars(theirs).items():
            if inspect.isclass(found) and found.__module__ == theirs.__name__ and not name.startswith("_"):
                twin = getattr(ours, sync_name(name), None)
                if twin is not found and not getattr(found, "_is_protocol", False):
                    yield found, twin  # type: ignore[misc]  # None is what a test complains about


PAIRS = list(class_pairs())
MEMBERS = [
    pytest.param(theirs, ours, name, id=f"{theirs.__name__}.{name}")
    for theirs, ours in PAIRS
    for name, member in vars(theirs).items()
    if not name.startswith("_") and (callable(member) or isinstance(member, property | classmethod))
]


def function_of(owner: type, name: str) -> Any:
    member = inspect.getattr_static(owner, name)
    return getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)


def as_sync(annotation: object) -> str:
    """An annotation of the async client, as the blocking one must have it."""
    text = str(annotation)
    text = re.sub(r"^(?:Awaitable|Coroutine\[Any, Any, |AsyncIterator)\[(.*)\]$", r"\1", text)
    text = re.sub(r"Awaitable\[(\w+)\]", r"\1", text)  # what a function gives that is handed in
    text = re.sub(r" \| AsyncIterable\[\w+\]", "", text)
    return text.replace("AsyncNexevo", "Nexevo")


def parameters(function: Any) -> list[tuple[str, object, object, str]]:
    return [(p.name, p.kind, p.default, as_sync(p.annotation)) for p in inspect.signature(function).parameters.values()]


def test_every_public_name_of_the_package_has_its_twin_or_is_the_same_object() -> None:
    """Models, errors and settings are shared; only what makes calls exists twice."""
    assert {sync_name(name) for name in nexevo_async.__all__} == set(nexevo_sync.__all__)
    apart = {
        name
        for name in nexevo_async.__all__
        if getattr(nexevo_async, name) is not getattr(nexevo_sync, sync_name(name))
    }
    assert apart == {"AsyncNexevo", "ChatStream", "Pages"}
    assert nexevo_sync.__version__ == nexevo_async.__version__
    assert set(nexevo_sync.__all__) <= set(dir(nexevo_sync))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = nexevo_sync.Nonsense  # type: ignore[attr-defined]  # that is the point


def test_every_class_has_its_twin() -> None:
    """The list is written out, so that an empty one cannot pass."""
    assert {theirs.__name__ for theirs, ours in PAIRS if ours is None} == set()
    assert {theirs.__name__ for theirs, _ in PAIRS} >= {
        "AsyncNexevo", "Auth", "Batch", "BatchRows", "Billing", "Chat", "ChatCompletions", "ChatStream",
        "ChatStreamManager", "Conversations", "Embeddings", "Endpoints", "FeedbackResource", "ItemIterator",
        "Keys", "Models", "Organizations", "PageIterator", "Pages", "SubAccounts", "TextIterator",
    }  # fmt: skip


@pytest.mark.parametrize(("theirs", "ours", "name"), MEMBERS)
def test_every_member_has_the_same_signature(theirs: type, ours: type, name: str) -> None:
    """Names, kinds, defaults and annotations of parameters, the result, and every overload."""
    function, twin = function_of(theirs, name), function_of(ours, sync_name(name))
    assert not inspect.iscoroutinefunction(twin)
    expected = [(function, twin)]
    expected += zip(typing.get_overloads(function), typing.get_overloads(twin), strict=True)
    for before, after in expected:
        assert parameters(after) == parameters(before)
        assert str(inspect.signature(after).return_annotation) == as_sync(inspect.signature(before).return_annotation)


@pytest.mark.parametrize(("theirs", "ours", "name"), MEMBERS)
def test_every_member_has_the_same_docstring_in_blocking_words(theirs: type, ours: type, name: str) -> None:
    """The same first words, arguments and errors, and nothing about coroutines."""
    before, after = inspect.getdoc(function_of(theirs, name)), inspect.getdoc(function_of(ours, sync_name(name)))
    assert before
    assert after
    assert after.split()[:1] == before.split()[:1]
    for section in ("Args", "Raises"):
        assert (f"{section}:" in after) is (f"{section}:" in before)
    entries = re.compile(r"^    ([\w*]+): ", re.MULTILINE)
    assert entries.findall(after) == entries.findall(before)
    assert not ASYNC_WORDS.search(after)


@pytest.mark.parametrize(("theirs", "ours"), PAIRS, ids=lambda cls: cls.__name__)
def test_every_class_has_the_same_docstring_in_blocking_words(theirs: type, ours: type) -> None:
    """As for its members."""
    before, after = inspect.getdoc(theirs) or "", ours.__dict__["__doc__"]
    assert after.split()[:2] == before.split()[:2]
    assert ("versionadded" in after) is ("versionadded" in before)
    assert not ASYNC_WORDS.search(after.replace("nexevo_async.AsyncNexevo", ""))


def test_the_constructor_takes_the_same_arguments_and_the_choice_of_the_loop() -> None:
    """`uvloop` is the only addition."""
    before = {name: (default, annotation) for name, _, default, annotation in parameters(AsyncNexevo)}
    after = {name: (default, annotation) for name, _, default, annotation in parameters(Nexevo)}
    assert after == before | ONLY_SYNC


def test_every_resource_of_a_client_hangs_in_the_same_place() -> None:
    """Found on a real client of each kind."""

    def resources(client: object, base: type) -> dict[str, str]:
        found = {name: getattr(client, name) for name in dir(client) if not name.startswith(("_", "with_", "is_"))}
        return {name: type(value).__name__ for name, value in found.items() if isinstance(value, base)}

    theirs, ours = AsyncNexevo("sk-xc-test"), Nexevo("sk-xc-test")
    expected = resources(theirs, nexevo_async.resources._base.Resource)  # type: ignore[attr-defined]  # a submodule
    assert "keys" in expected
    assert resources(ours, Twin) == expected
    assert resources(ours.chat, Twin) == {"completions": "ChatCompletions"}


# Shapes


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(2, rate_limit=None) as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Iterator[Nexevo]:
    with Nexevo(box.api_key, base_urls=box.base_urls) as client:
        yield client


def test_a_plain_call_gives_the_model_of_the_async_client(client: Nexevo) -> None:
    """Both spellings, the very same class."""
    created = client.keys.create(name="ci")
    assert type(created) is nexevo_async.models.CreatedKey  # type: ignore[attr-defined]  # a submodule
    assert created["key"]["key_id"] == created.key.key_id


def test_a_stream_is_an_iterator_and_a_context_manager(client: Nexevo) -> None:
    """The generation is known before the first chunk, the message after the last."""
    with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream:
        assert isinstance(stream, ChatStream)
        generation = stream.generation_id
        assert generation
        assert stream.trace_id == stream.headers["x-trace-id"]
        text = "".join(stream.text())
        final = stream.final()
    assert final.choices[0].message.content == text
    assert final.nexevo.generation_id == generation
    assert "complete" in repr(stream)


def test_a_stream_can_be_opened_without_with_and_read_in_batches(client: Nexevo) -> None:
    """No chunk is lost between the ways of reading."""
    manager = client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES)
    with pytest.raises(TypeError, match=r"write `with … as stream:`"):
        iter(manager)
    stream = manager.open()
    chunks = [next(stream), *stream.next_batch(2)]
    text = "".join(chunk.text for chunk in chunks) + next(stream.text())
    chunks = list(stream)
    assert stream.next_batch() == []
    assert text + "".join(chunk.text for chunk in chunks) == stream.final().choices[0].message.content
    stream.close()
    stream.close()


def test_create_gives_a_stream_when_asked_for_one(client: Nexevo) -> None:
    """One method, two results, as the overloads say."""
    stream = client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, stream=True)
    whole = client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
    with stream:
        assert stream.final().choices[0].message.content == whole.choices[0].message.content


@pytest.mark.parametrize("read", [0, 2], ids=["unread", "half read"])
def test_a_stream_that_is_dropped_is_closed_and_the_warning_names_the_line(
    client: Nexevo, box: Sandbox, read: int
) -> None:
    """The service stops generating, too: it would be paid for."""
    box.fault(None, "stream_stall", after=4)
    with pytest.warns(ResourceWarning, match="dropped before its end") as seen:  # noqa: PT031 - the line is made in it
        line = sys._getframe().f_lineno + 1
        stream = client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, stream=True)
        for _ in range(read):
            next(stream)
        del stream
        gc.collect()
        client.models.list()  # the loop has come round
    assert [(warning.filename, warning.lineno) for warning in seen] == [(__file__, line)]
    waiting = threading.Event()
    for _ in range(200):
        if not box.in_flight(0):
            break
        waiting.wait(0.01)
    assert box.in_flight(0) == 0


def test_a_client_that_is_closed_closes_its_open_streams_without_a_word(box: Sandbox) -> None:
    """Even one that nobody has read yet."""
    box.fault(None, "stream_stall", after=2)
    client = Nexevo(box.api_key, base_url=box.base_url)
    streams = [client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, stream=True) for _ in range(3)]
    next(streams[0])
    client.close()
    for stream in streams:
        with pytest.raises(nexevo_sync.ClientClosedError):
            list(stream)
        stream.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del streams, stream
        gc.collect()


def test_a_list_is_its_first_page_and_goes_on_to_the_others(client: Nexevo, box: Sandbox) -> None:
    """One request for each page that is reached, and none for looking at the first."""
    pricing = [{"model": "nexevo/fast", "pricing_factor": "1"}]
    client.sub_accounts.create(alias="team", balance="1.5", model_pricing=pricing, count=5)
    box.clear_journal()
    listed = client.sub_accounts.list(page_size=2)
    assert isinstance(listed, Pages)
    assert isinstance(listed.first(), Page)
    assert (len(listed), listed.total, listed.page, listed.page_size) == (2, 5, 1, 2)
    assert listed[0] is listed.data[0] is listed["items"][0] is listed.items[0]
    assert listed[0] in listed
    assert listed.to_dict() == listed.first().to_dict()
    assert repr(listed).startswith("Pages(items=[SubAccount(")
    assert len(box.journal()) == 1
    items = iter(listed)
    assert [next(items).alias for _ in range(3)] == ["team"] * 3
    assert len(box.journal()) == 2
    assert len(list(listed)) == 5
    assert [len(page) for page in listed.pages()] == [2, 2, 1]


def test_a_list_fails_where_it_is_called(box: Sandbox) -> None:
    """So that a call for its effect alone, such as to check a key, does what it seems to."""
    with Nexevo("sk-xc-wrong", base_url=box.base_url) as client, pytest.raises(AuthenticationError):
        client.models.list()


def test_raw_responses_come_from_calls_and_lists(client: Nexevo) -> None:
    """A list is its first answer."""
    raw = client.with_raw_response.keys.create("raw")
    assert isinstance(raw, RawResponse)
    assert raw.parse().key.name == "raw"
    listed: Any = client.with_raw_response.sub_accounts.list()
    assert isinstance(listed, RawResponse)
    assert listed.status == 200
    assert isinstance(listed.parse(), Page)


def test_a_raw_list_goes_on_to_the_answers_of_its_other_pages(client: Nexevo, box: Sandbox) -> None:
    """As that of the async client does; the first is not asked for again."""
    pricing = [{"model": "nexevo/fast", "pricing_factor": "1"}]
    client.sub_accounts.create(alias="team", balance="1.5", model_pricing=pricing, count=5)
    box.clear_journal()
    listed: Any = client.with_raw_response.sub_accounts.list(page_size=2)
    answers = list(listed.pages())
    assert len(box.journal()) == 3
    assert [type(answer) for answer in answers] == [RawResponse] * 3
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [(answer.parse().page, len(answer.parse())) for answer in answers] == [(1, 2), (2, 2), (3, 1)]
    assert answers[0].content == listed.content
    assert len(list(listed.pages())) == 3


def test_endpoints_are_seen_without_a_loop_and_checked_with_one(box: Sandbox) -> None:
    """Looking starts no thread."""
    with Nexevo(box.api_key, base_urls=box.base_urls) as client:
        before = set(threading.enumerate())
        assert [status.url for status in client.endpoints.snapshot()] == list(box.base_urls)
        assert set(threading.enumerate()) == before
        assert {status.state for status in client.endpoints.check()} == {"healthy"}
    assert [status.url for status in client.endpoints.snapshot()] == list(box.base_urls)


def test_a_view_shares_the_connections_and_never_closes_its_client(client: Nexevo) -> None:
    """Views of views too."""
    with client.with_options(timeout=5).with_raw_response.with_options(max_retries=0) as view:
        view.models.list()
        assert isinstance(view, Nexevo)
    assert (view.is_closed, client.is_closed) == (False, False)
    assert client.models.list()


def test_a_client_is_closed_even_if_it_was_never_used() -> None:
    """And says so in its repr once it has been used."""
    client = Nexevo("sk-xc-test", base_url="http://127.0.0.1:1")
    assert repr(client) == "<Nexevo http://127.0.0.1:1>"
    client.close()
    assert client.is_closed
    with pytest.raises(nexevo_sync.ClientClosedError):
        client.models.list()


class Notes(Hooks):
    """Notes which threads its methods run on; the first is blocking, the second is a coroutine."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.loops: list[str] = []
        self.client: Nexevo | None = None

    def before_attempt(self, attempt: nexevo_async.AttemptStart) -> None:
        attempt.headers["x-note"] = "yes"
        self.threads.append(threading.current_thread().name)
        if self.client is not None and attempt.call != "models.list":
            self.client.models.list()  # a blocking call inside a hook

    async def after_attempt(self, call: str, attempt: Any) -> None:
        self.loops.append(threading.current_thread().name)


def test_hooks_and_keys_that_block_run_off_the_loop(box: Sandbox) -> None:
    """They may even use the client; coroutines run on its loop."""
    hooks = Notes()
    asked: list[str] = []

    def key() -> str:
        asked.append(threading.current_thread().name)
        return box.api_key

    with Nexevo(key, base_url=box.base_url, hooks=[hooks]) as client:
        hooks.client = client
        client.keys.create("hooked")
    assert hooks.threads == asked == ["AnyIO worker thread"] * 2
    assert hooks.loops == ["nexevo-sync"] * 2


def test_hooks_of_a_view_and_what_is_no_hook(client: Nexevo) -> None:
    """A mistake is explained by the async client."""
    hooks = Notes()
    client.with_options(hooks=hooks).models.list()
    assert (hooks.threads, hooks.loops) == (["AnyIO worker thread"], ["nexevo-sync"])
    with pytest.raises(ConfigurationError, match="hooks are instances"):
        client.with_options(hooks=[print])  # type: ignore[list-item]  # that is the point
    with pytest.raises(ConfigurationError, match="hooks are instances"):
        Nexevo("sk-xc-test", hooks=iter([print]))  # type: ignore[arg-type]  # that is the point


async def test_a_session_of_the_callers_is_refused() -> None:
    """It belongs to another loop."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigurationError, match="session belongs to the event loop"):
            Nexevo("sk-xc-test", session=session)


def test_the_preset_of_closeai_takes_the_arguments_of_the_class() -> None:
    """The choice of the loop among them."""
    client = Nexevo.closeai("sk-test", uvloop=True, discovery=True)
    assert type(client) is Nexevo
    assert [status.url for status in client.endpoints.snapshot()] == ["https://api.openai-proxy.org"]


def test_uvloop_serves_calls_and_streams(box: Sandbox) -> None:
    """When it is asked for."""
    pytest.importorskip("uvloop")
    with Nexevo(box.api_key, base_urls=box.base_urls, uvloop=True) as client:
        with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream:
            assert "".join(stream.text())
        assert client.request("GET", "/v1/models", into=dict)["data"]


def test_a_traceback_can_be_read(box: Sandbox) -> None:
    """The caller's line, our method, and soon the coroutine: no pages of machinery."""
    with Nexevo("sk-xc-wrong", base_url=box.base_url) as client, pytest.raises(AuthenticationError) as caught:
        client.keys.create("x")
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[:5] == ["test_a_traceback_can_be_read", "create", "call", "_run", "create"]


def test_the_fixture_of_the_plugin_is_a_blocking_client(nexevo_sync_client: Nexevo, nexevo_sandbox: Sandbox) -> None:
    """For the tests of applications."""
    assert nexevo_sync_client.models.list()
    assert nexevo_sandbox.journal()[-1].route == "models.list"


def test_a_view_of_a_stream_never_waits_for_a_loop() -> None:
    """If the async iterator behind it ever did, that is said instead of a wrong result."""

    class Waits:
        def __init__(self, source: object) -> None:
            pass

        async def __anext__(self) -> int:
            import asyncio

            await asyncio.sleep(0)
            return 1

    with pytest.raises(RuntimeError, match="waited for something"):
        next(ViewTwin(Waits, []))
