"""What every model can do: attributes and mapping, unknown fields, null and absent, copies, secrets."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._codec import decode, encode, structure
from nexevo_async._messages import Headers
from nexevo_async.models import RateLimits
from nexevo_async.models._common import Model, attach_head, model, secret, wire


@model
class Part(Model):
    """A part of an answer."""

    name: str
    amount: Decimal | None = None


@model
class Thing(Model):
    """One field of each kind."""

    thing_id: str
    page_size: int | None = wire("pageSize", default=None)
    kind: Literal["a", "b"] | str | None = None
    part: Part | None = None
    parts: list[Part] | None = None
    created_at: datetime | None = None
    token: str | None = secret(default=None)
    notes: dict[str, Any] | None = None


def thing(**fields: Any) -> Thing:
    """A thing as it would arrive."""
    return decode(encode({"thing_id": "t1", **fields}), Thing)


def test_attribute_and_item_are_the_same_value() -> None:
    """Nested ones too, and under the name on the wire."""
    answer = thing(pageSize=3, part={"name": "p"}, parts=[{"name": "q"}])

    assert answer.thing_id == answer["thing_id"] == "t1"
    assert answer.page_size == answer["page_size"] == answer["pageSize"] == 3
    assert answer.part is answer["part"]
    assert answer["part"]["name"] == answer["parts"][0].name.replace("q", "p") == "p"


def test_unknown_fields_are_kept() -> None:
    """Readable as items and in `extra`, which is read-only."""
    answer = thing(new={"a": 1})

    assert answer["new"] == {"a": 1}
    assert answer.extra == {"new": {"a": 1}}
    with pytest.raises(TypeError):
        answer.extra["x"] = 1  # type: ignore[index]  # that is the point
    with pytest.raises(AttributeError):
        _ = answer.new  # type: ignore[attr-defined]  # only declared fields are attributes


def test_an_unknown_enum_value_stays_readable() -> None:
    """Enums are open."""
    assert (thing(kind="a").kind, thing(kind="z").kind) == ("a", "z")


def test_null_and_absent_are_told_apart() -> None:
    """Both are None as an attribute; `in`, iteration and `to_dict` know the difference."""
    null, absent = thing(kind=None), thing()

    assert null.kind is absent.kind is None
    assert ("kind" in null, "kind" in absent) == (True, False)
    assert (list(null), list(absent)) == (["thing_id", "kind"], ["thing_id"])
    assert (null.to_dict(), absent.to_dict()) == ({"thing_id": "t1", "kind": None}, {"thing_id": "t1"})
    assert (null.get("kind", "x"), absent.get("kind", "x")) == (None, "x")


def test_a_name_that_does_not_exist() -> None:
    """As in every mapping."""
    answer = thing()

    with pytest.raises(KeyError, match="nothing"):
        answer["nothing"]
    assert answer.get("nothing") is None
    assert "nothing" not in answer
    assert 7 not in answer


def test_it_is_a_mapping() -> None:
    """Length, keys, items, unpacking; equal to a dict with the same items."""
    answer = thing(kind="a")

    assert (len(answer), dict(answer), {**answer}) == (
        2,
        {"thing_id": "t1", "kind": "a"},
        {"thing_id": "t1", "kind": "a"},
    )
    assert answer == {"thing_id": "t1", "kind": "a"} == thing(kind="a")
    assert answer != thing(kind="b")


def test_it_is_read_only() -> None:
    """Neither attributes nor items can be set or removed."""
    answer = thing()

    with pytest.raises(AttributeError):
        answer.thing_id = "t2"  # type: ignore[misc]  # that is the point
    with pytest.raises(TypeError):
        answer["thing_id"] = "t2"  # type: ignore[index]  # that is the point
    with pytest.raises(TypeError):
        del answer["thing_id"]  # type: ignore[attr-defined]  # that is the point
    with pytest.raises(AttributeError):
        answer.other = 1  # type: ignore[attr-defined]  # that is the point


def test_to_dict_is_a_deep_copy() -> None:
    """Changing it changes nothing."""
    answer = thing(notes={"a": [1]})
    answer.to_dict()["notes"]["a"].append(2)

    assert answer["notes"] == {"a": [1]}


def test_to_dict_writes_what_arrived() -> None:
    """Amounts and times as they were written, not as they print here."""
    fields = {
        "thing_id": "t1",
        "part": {"name": "p", "amount": "0.4400"},
        "created_at": "2026-01-09T08:00:00.000001+08:00",
        "new": [None],
    }

    assert structure(fields, Thing).to_dict() == fields


def test_the_repr_hides_secrets_and_unknown_values() -> None:
    """Names of unknown fields are shown, their values might be secrets."""
    assert repr(thing(token="sk-xc-secret", new="sk-xc-other", kind="a")) == "Thing(thing_id='t1', kind='a', new=…)"


def test_the_head_is_read() -> None:
    """Trace id and limits come from the headers; parts of an answer have none."""
    answer = thing(part={"name": "p"})
    assert (answer.headers, answer.trace_id, answer.limits) == (None, None, None)

    attach_head(answer, Headers.of({"X-Trace-ID": "t9", "X-RateLimit-Remaining": "3"}))

    assert (answer.trace_id, answer.limits) == ("t9", RateLimits(remaining=3))
    assert answer.part is not None
    assert answer.part.trace_id is None


@pytest.mark.parametrize("remade", [copy.copy, copy.deepcopy, lambda answer: pickle.loads(pickle.dumps(answer))])
def test_copies_are_whole(remade: Any) -> None:
    """Fields, unknown fields, nulls and headers survive."""
    answer = thing(new=1, kind=None, part={"name": "p", "amount": "1.50"})
    attach_head(answer, Headers.of({"X-Trace-ID": "t9"}))

    again = remade(answer)

    assert again == answer
    assert (again.to_dict(), again.trace_id, again.part.amount) == (answer.to_dict(), "t9", Decimal("1.50"))


def test_a_deep_copy_shares_nothing() -> None:
    """Not even what is unknown."""
    answer = thing(new=[1])
    copy.deepcopy(answer)["new"].append(2)

    assert answer["new"] == [1]


def test_evolve_makes_a_changed_copy() -> None:
    """The change wins over what arrived; unknown fields live on."""
    changed = attrs.evolve(thing(kind="a", new=1), kind="b")

    assert (changed.kind, changed["kind"], changed["new"]) == ("b", "b", 1)
    assert changed.to_dict() == {"new": 1, "thing_id": "t1", "kind": "b"}


def test_made_by_hand() -> None:
    """Keywords only; what is left out is absent; amounts and times are written as JSON would."""
    made = Thing(
        thing_id="t1",
        page_size=2,
        part=Part(name="p", amount=Decimal("1.50")),
        created_at=datetime(2026, 1, 9, tzinfo=UTC),
    )

    assert made.to_dict() == {
        "thing_id": "t1",
        "pageSize": 2,
        "part": {"name": "p", "amount": "1.50"},
        "created_at": "2026-01-09T00:00:00+00:00",
    }
    assert list(made) == ["thing_id", "pageSize", "part", "created_at"]
    with pytest.raises(TypeError):
        Thing("t1")  # type: ignore[call-arg, misc]  # that is the point
    with pytest.raises(TypeError):
        Thing()  # type: ignore[call-arg]  # that is the point


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_every_unknown_field_survives_a_round_trip(fields: dict[str, Any]) -> None:
    """Decoded, written, decoded again: the same object, the same JSON."""
    declared = {"thing_id", "pageSize", "page_size", "kind", "part", "parts", "created_at", "token", "notes"}
    sent = {"thing_id": "t1", **{key: value for key, value in fields.items() if key not in declared}}
    answer = decode(encode(sent), Thing)

    assert answer.to_dict() == sent
    assert structure(answer.to_dict(), Thing) == answer
