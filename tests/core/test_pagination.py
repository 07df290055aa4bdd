"""Lists: one page as a sequence, many pages as one iteration, every form in which a list may arrive."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._codec import Undecodable, encode
from nexevo_async._messages import Headers
from nexevo_async.models import Key, RateLimits
from nexevo_async.models._common import Model, model
from nexevo_async.pagination import Page, Pages, decode_page, numbered


@model
class Account(Model):
    """An item with a required amount."""

    id: int
    balance: Decimal


def page_of(*numbers: int, **envelope: Any) -> Page[int]:
    """A page of plain numbers."""
    return Page(items=list(numbers), wire_key="items", envelope=envelope)


class Service:
    """A list of `total` numbers on pages of `size`; it remembers what it was asked."""

    def __init__(self, total: int, size: int, answer: Mapping[str, Any] | None = None) -> None:
        self.total, self.size, self.answer = total, size, answer or {}
        self.asked: list[Mapping[str, Any]] = []

    async def __call__(self, changes: Mapping[str, Any]) -> Page[int]:
        self.asked.append(dict(changes))
        number = changes.get("page", 1)
        first = (number - 1) * self.size
        numbers = range(first, min(first + self.size, self.total))
        told = {"total": self.total, "page": number, "pageSize": self.size, **self.answer}
        return page_of(*numbers, **{name: value for name, value in told.items() if value is not None})


# --- one page


def test_a_page_is_a_sequence_of_its_items() -> None:
    """Length, index, slice, iteration and membership speak of the items."""
    page = page_of(10, 20, 30)

    assert (len(page), page[0], page[-1], page[1:], list(page)) == (3, 10, 30, [20, 30], [10, 20, 30])
    assert 20 in page
    assert 40 not in page


def test_an_empty_page_is_false() -> None:
    """As every empty sequence."""
    assert not page_of()
    assert page_of(1)


def test_the_envelope_is_readable_by_both_names() -> None:
    """As attributes in Python's spelling, as items in the spelling of the wire; both spellings of the size work."""
    page = page_of(1, total=7, page=2, pageSize=1, success=True)

    assert (page.total, page.page, page.page_size) == (7, 2, 1)
    assert (page["total"], page["page"], page["pageSize"], page["page_size"], page["success"]) == (7, 2, 1, 1, True)
    assert page.success is True
    assert page_of(1, new="x").extra == {"new": "x"}
    assert page_of(1, success="yes").success is None
    assert "success" in page
    assert "next" not in page


def test_the_list_is_readable_under_every_name() -> None:
    """`items`, `data`, and the name that arrived."""
    page = Page(items=[1], wire_key="members")

    assert page.items is page.data is page["items"] is page["data"] is page["members"]
    assert "members" in page
    with pytest.raises(KeyError):
        page["keys"]


def test_what_was_not_told_is_none() -> None:
    """Numbers that are none are not invented either."""
    page = page_of(1, total="many")

    assert (page.total, page.page, page.page_size, page.trace_id, page.limits, page.headers) == (None,) * 6
    assert page["total"] == "many"
    with pytest.raises(KeyError):
        page["pageSize"]


def test_a_page_knows_the_headers_it_came_with() -> None:
    """Trace id and rate limit are read from them."""
    headers = Headers.of({"X-Trace-ID": "t1", "X-RateLimit-Remaining": "59", "X-RateLimit-Reset": "30"})
    page = decode_page(b"[]", Account, headers)

    assert (page.trace_id, page.limits) == ("t1", RateLimits(remaining=59, reset=30.0))


def test_pages_are_read_only_values() -> None:
    """No attribute can be set; equal content is equal; pickle and copy keep it."""
    page = decode_page(b'{"items": [{"id": 1, "balance": "0.10"}], "total": 1}', Account)

    with pytest.raises(AttributeError):
        page.items = []  # type: ignore[misc]  # that is the point
    assert page == decode_page(b'{"total": 1, "items": [{"id": 1, "balance": "0.10"}]}', Account)
    assert page != decode_page(b'{"total": 2, "items": [{"id": 1, "balance": "0.10"}]}', Account)
    assert page != [page[0]]
    assert pickle.loads(pickle.dumps(page)) == copy.deepcopy(page) == page
    with pytest.raises(TypeError, match="unhashable"):
        hash(page)


def test_the_repr_of_a_page_has_items_and_numbers() -> None:
    """And nothing else of the envelope, which might hold a secret."""
    assert repr(page_of(1, 2, total=7, token="secret")) == "Page(items=[1, 2], total=7)"


# --- the forms in which a list may arrive


@pytest.mark.parametrize("key", ["items", "data", "conversations", "members", "keys"])
def test_a_list_under_every_documented_name(key: str) -> None:
    """contract.md section 7."""
    page = decode_page(encode({key: [{"id": 1, "balance": "2"}], "object": "list"}), Account)

    assert (page.wire_key, page[0].id, page.extra) == (key, 1, {"object": "list"})
    assert page.to_dict() == {key: [{"id": 1, "balance": "2"}], "object": "list"}


def test_a_bare_array() -> None:
    """It has no envelope; `to_dict` calls the list `items`."""
    page = decode_page(b'[{"id": 1, "balance": "2", "new": null}]', Account)

    assert (page.wire_key, page[0].balance) == (None, Decimal(2))
    assert page.to_dict() == {"items": [{"id": 1, "balance": "2", "new": None}]}


def test_a_null_list_is_empty() -> None:
    """Some services write an empty list as null."""
    assert decode_page(b'{"keys": null}', Key).items == []


def test_amounts_that_came_as_numbers_are_exact() -> None:
    """No binary float comes in between."""
    page = decode_page(b'{"items": [{"id": 1, "balance": 0.44000013}]}', Account)

    assert str(page[0].balance) == "0.44000013"


def test_changing_what_to_dict_gave_changes_nothing() -> None:
    """The copy is deep, envelope included."""
    page = decode_page(b'{"items": [{"id": 1, "balance": "2"}], "meta": {"a": 1}}', Account)
    copied = page.to_dict()
    copied["items"].clear()
    copied["meta"]["a"] = 2

    assert page.to_dict() == {"items": [{"id": 1, "balance": "2"}], "meta": {"a": 1}}


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (
            '{"items": [{"id": 1, "balance": "2"}, {"id": "x"}]}',
            ("items[1].id: not a whole number", "items[1].balance: missing"),
        ),
        (
            '{"items": [{"id": 1, "balance": "2"}, {"id": 1, "balance": "sk-xc-secret"}]}',
            ("items[1].balance: not a valid Decimal",),
        ),
        ('[{"id": 1}]', ("$[0].balance: missing",)),
        ('{"data": [7]}', ("data[0]: not an object",)),
        ('{"data": {"id": 1}}', ("data: not an array",)),
        ("{}", ("$: not a list, and no list under items, data, conversations, members, keys",)),
        ('"items"', ("$: not a list, and no list under items, data, conversations, members, keys",)),
    ],
)
def test_lists_that_cannot_be_read_say_where(body: str, problems: tuple[str, ...]) -> None:
    """Every path begins with the name of the list; no value is quoted."""
    with pytest.raises(Undecodable) as caught:
        decode_page(body, Account)

    assert caught.value.problems == problems
    assert caught.value.is_json


@pytest.mark.parametrize("body", ["<html>", "", "[{", "nul"])
def test_what_is_no_json(body: str) -> None:
    """Told apart from JSON of another shape."""
    with pytest.raises(Undecodable) as caught:
        decode_page(body, Account)

    assert not caught.value.is_json


# --- many pages


async def test_awaiting_gives_the_first_page() -> None:
    """Nothing is asked before, and awaiting twice asks twice."""
    service = Service(total=5, size=2)
    pages = Pages(service, numbered())
    assert service.asked == []

    assert (await pages).items == [0, 1]
    assert (await pages).items == [0, 1]
    assert service.asked == [{}, {}]


async def test_iterating_gives_the_items_of_all_pages() -> None:
    """Each page is asked for once, in order, and none beyond the last."""
    service = Service(total=5, size=2)

    assert [item async for item in Pages(service, numbered())] == [0, 1, 2, 3, 4]
    assert service.asked == [{}, {"page": 2}, {"page": 3}]


async def test_page_by_page() -> None:
    """`pages()` gives each page whole; a second iteration starts from the beginning."""
    pages = Pages(Service(total=3, size=2), numbered())

    assert [page.items async for page in pages.pages()] == [[0, 1], [2]]
    assert [page.items async for page in pages.pages()] == [[0, 1], [2]]


async def test_pages_are_fetched_when_they_are_reached() -> None:
    """Whoever stops early pays for no further page."""
    service = Service(total=100, size=2)
    async for item in Pages(service, numbered()):
        if item == 2:
            break

    assert len(service.asked) == 2


async def test_a_list_without_a_rule_has_one_page() -> None:
    """No parameter is invented where none is documented."""
    service = Service(total=100, size=2)

    assert [item async for item in Pages(service)] == [0, 1]
    assert service.asked == [{}]


async def test_a_page_that_fails_is_asked_for_again() -> None:
    """An iterator that met an error goes on where it was: nothing is skipped, nothing comes twice."""
    service = Service(total=4, size=2)
    failures = [RuntimeError("lost")]

    async def flaky(changes: Mapping[str, Any]) -> Page[int]:
        if changes and failures:
            raise failures.pop()
        return await service(changes)

    steps = aiter(Pages(flaky, numbered()))
    assert [await anext(steps), await anext(steps)] == [0, 1]
    with pytest.raises(RuntimeError):
        await anext(steps)
    assert [item async for item in steps] == [2, 3]


async def test_an_iterator_that_is_over_stays_over() -> None:
    """As every iterator."""
    steps = aiter(Pages(Service(total=1, size=2), numbered()))
    await anext(steps)
    for _ in range(2):
        with pytest.raises(StopAsyncIteration):
            await anext(steps)


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ({"total": None}, 1),
        ({"pageSize": -1}, 1),
        ({"pageSize": None}, 4),  # a short page looks like the size, so one more is asked for and found empty
        ({"page": None}, 3),
        ({"page": 1}, 3),
        ({"total": 0}, 1),
    ],
)
async def test_when_pages_end(answer: dict[str, Any], asked: int) -> None:
    """Without a total, or with everything on one page, there is one; misreported numbers cannot make a loop."""
    service = Service(total=5, size=2, answer=answer)
    async for _ in Pages(service, numbered()):
        pass

    assert len(service.asked) == asked


async def test_a_page_that_comes_again_is_the_end() -> None:
    """A service that ignores the number would give its one page until the total is reached."""
    service = Service(total=100, size=2)

    async def ignoring(_: Mapping[str, Any]) -> Page[int]:
        return await service({})

    steps = aiter(Pages(ignoring, numbered()))
    assert [item async for item in steps] == [0, 1]
    assert [item async for item in steps] == []
    assert len(service.asked) == 2


async def test_the_first_page_may_be_a_later_one() -> None:
    """Iteration goes on from the page that was asked for."""
    service = Service(total=7, size=2)

    async def from_second(changes: Mapping[str, Any]) -> Page[int]:
        return await service({"page": 2, **changes})

    assert [item async for item in Pages(from_second, numbered(2))] == [2, 3, 4, 5, 6]


@given(total=st.integers(0, 40), size=st.integers(1, 12))
async def test_every_item_comes_once(total: int, size: int) -> None:
    """Whatever total and size are, with no page more than needed."""
    service = Service(total, size)

    assert [item async for item in Pages(service, numbered())] == list(range(total))
    assert len(service.asked) == max(1, math.ceil(total / size))


def test_the_repr_says_what_to_do() -> None:
    """Whoever prints it has forgotten an await."""
    assert "await" in repr(Pages(Service(1, 1)))
