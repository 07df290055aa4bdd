"""What all resources share: options, and the rule that every method of the contract is there."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from nexevo_async._routes import ROUTES
from nexevo_async.pagination import Pages
from nexevo_async.resources._base import CallOptions, Resource, given
from nexevo_async.resources.auth import Auth
from nexevo_async.resources.billing import Billing
from nexevo_async.resources.conversations import Conversations
from nexevo_async.resources.embeddings import Embeddings
from nexevo_async.resources.feedback import FeedbackResource
from nexevo_async.resources.keys import Keys
from nexevo_async.resources.models import Models
from nexevo_async.resources.organizations import Organizations
from nexevo_async.resources.sub_accounts import SubAccounts
from tests.resources.conftest import ScriptedTransport

RESOURCES: dict[str, type[Resource]] = {
    "auth": Auth,
    "billing": Billing,
    "conversations": Conversations,
    "embeddings": Embeddings,
    "feedback": FeedbackResource,
    "keys": Keys,
    "models": Models,
    "organizations": Organizations,
    "sub_accounts": SubAccounts,
}

METHODS = [
    (f"{resource}.{name}", method)
    for resource, cls in RESOURCES.items()
    for name, method in inspect.getmembers(cls, inspect.isfunction)
    if not name.startswith("_")
]


def test_every_route_is_a_method_and_every_method_a_route() -> None:
    """Name for name; chat and endpoints have tests of their own."""
    expected = {name for name in ROUTES if name.partition(".")[0] not in ("chat", "endpoints")}

    assert {name for name, _ in METHODS} == expected


@pytest.mark.parametrize(("name", "method"), METHODS, ids=[name for name, _ in METHODS])
def test_every_method_takes_the_options_and_documents_its_arguments(name: str, method: Any) -> None:
    """`**options`, a docstring with every argument and the circumstances of its errors, and since when there is it."""
    parameters = [name for name in inspect.signature(method).parameters if name != "self"]
    text = inspect.getdoc(method) or ""

    assert parameters[-1] == "options"
    assert [name for name in parameters if f"\n    {name}: " not in text and f"\n    **{name}: " not in text] == []
    assert "\nRaises:\n" in text
    assert ".. versionadded:: 0.1.0" in text


async def test_options_go_along(transport: ScriptedTransport) -> None:
    """As the caller gave them, with every kind of call."""
    options: CallOptions = {
        "timeout": 5.0,
        "extra_headers": {"X-A": "b"},
        "extra_query": {"q": 1},
        "extra_body": {"b": None},
        "max_retries": 0,
    }
    await Auth(transport).me(**options)
    assert transport.last.options == options

    transport.answer = []
    await Keys(transport).list(**options)
    assert transport.last.options == options


async def test_an_unknown_keyword_is_a_type_error(transport: ScriptedTransport) -> None:
    """As with any Python function, and nothing is sent."""
    with pytest.raises(TypeError, match=r"keys\.create\(\) got an unexpected keyword argument 'colour'"):
        await Keys(transport).create("ci", colour="red")  # type: ignore[call-arg]  # that is the point
    with pytest.raises(TypeError, match=r"keys\.list\(\) got an unexpected keyword argument 'colour'"):
        Keys(transport).list(colour="red")  # type: ignore[call-arg]  # that is the point

    assert transport.sent == []


async def test_lists_ask_nothing_until_they_are_used(transport: ScriptedTransport) -> None:
    """Making one is free."""
    pages = Keys(transport).list()
    assert isinstance(pages, Pages)
    assert transport.sent == []

    transport.answer = [{"key_id": "k1"}]
    assert [key.key_id async for key in pages] == ["k1"]
    assert len(transport.sent) == 1


def test_given_leaves_out_what_was_not_set() -> None:
    """None is not set; everything else is, empty things too."""
    assert given(a=None, b=0, c="", d=False) == {"b": 0, "c": "", "d": False}
