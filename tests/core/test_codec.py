"""JSON to models and back: exact amounts, aware times, one error with every path, and never a value in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._codec import Undecodable, decode, decode_carefully, encode, structure
from nexevo_async.models._common import Model, model, wire

SECRET = "sk-xc-very-secret"


@model
class Line(Model):
    """A nested object."""

    label: str
    cost: Decimal


@model
class Bill(Model):
    """Every type a field may have."""

    number: int
    name: str
    open: bool
    total: Decimal
    ratio: float
    at: datetime
    lines: list[Line]
    tags: list[str]
    free: dict[str, Any]
    any: Any
    kind: Literal["x"] | str
    note: str | None = None
    first: Line | None = None
    page_size: int | None = wire("pageSize", default=None)
    scores: list[float] | None = None


GOOD: dict[str, Any] = {
    "number": 7,
    "name": "n",
    "open": True,
    "total": "12.50",
    "ratio": 0.5,
    "at": "2026-01-09T08:00:00.000001+08:00",
    "lines": [{"label": "a", "cost": "0.44000013"}],
    "tags": ["x"],
    "free": {"a": [1, None]},
    "any": None,
    "kind": "y",
}


def body(**changes: Any) -> bytes:
    """The good answer with some fields changed."""
    return json.dumps(GOOD | changes).encode()


@pytest.mark.parametrize("read", [decode, decode_carefully])
def test_every_type(read: Any) -> None:
    """Both ways through the decoder give the same values."""
    bill = read(body(), Bill)

    assert (bill.number, bill.name, bill.open, bill.ratio, bill.tags, bill.any, bill.kind) == (
        7,
        "n",
        True,
        0.5,
        ["x"],
        None,
        "y",
    )
    assert bill.total == Decimal("12.50")
    assert bill.at == datetime(2026, 1, 9, 8, 0, 0, 1, tzinfo=timezone(timedelta(hours=8)))
    assert bill.lines[0].cost == Decimal("0.44000013")
    assert bill.free == {"a": [1, None]}
    assert (bill.note, bill.first, bill.page_size, bill.scores) == (None, None, None, None)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ('"12.50"', "12.50"),
        ("12.50", "12.50"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("12345678901234567890.12", "12345678901234567890.12"),
        ("3", "3"),
        ("1e2", "1E+2"),
        ('"-0.5"', "-0.5"),
    ],
)
def test_amounts_are_read_from_their_text(text: str, amount: str) -> None:
    """As a string or as a number, digit for digit."""
    bill = decode(body().replace(b'"12.50"', text.encode()), Bill)

    assert str(bill.total) == amount


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-09T08:00:00Z", datetime(2026, 1, 9, 8, tzinfo=UTC)),
        ("2026-01-09T08:00:00", datetime(2026, 1, 9, 8, tzinfo=UTC)),
        ("2026-01-09", datetime(2026, 1, 9, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1.5, datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)),
    ],
)
def test_times_are_aware(value: Any, moment: datetime) -> None:
    """ISO text or seconds; without an offset it is UTC."""
    for read in (decode, decode_carefully):
        assert read(body(at=value), Bill).at == moment
        assert read(body(at=value), Bill).at.tzinfo is not None


def test_a_whole_number_is_a_float_too() -> None:
    """JSON does not tell them apart."""
    bill = decode(body(ratio=1, scores=[1, 0.5]), Bill)

    assert isinstance(bill.ratio, float)
    assert bill.scores == [1.0, 0.5]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"number": "7"}, "number: not a whole number"),
        ({"number": True}, "number: not a whole number"),
        ({"number": 7.0}, "number: not a whole number"),
        ({"name": 7}, "name: not text"),
        ({"name": None}, "name: not text"),
        ({"open": 1}, "open: not true or false"),
        ({"total": SECRET}, "total: not a valid Decimal"),
        ({"total": "NaN"}, "total: not a valid Decimal"),
        ({"total": True}, "total: not a valid Decimal"),
        ({"ratio": "0.5"}, "ratio: not a valid float"),
        ({"at": SECRET}, "at: not a valid datetime"),
        ({"at": 1e300}, "at: not a valid datetime"),
        ({"lines": {}}, "lines: not an array"),
        ({"lines": None}, "lines: not an array"),
        ({"lines": [{"label": "a", "cost": "1"}, 7]}, "lines[1]: not an object"),
        ({"lines": [{"label": "a", "cost": SECRET}]}, "lines[0].cost: not a valid Decimal"),
        ({"lines": [{"cost": "1"}]}, "lines[0].label: missing"),
        ({"tags": ["x", 7]}, "tags[1]: not text"),
        ({"free": []}, "free: not an object"),
        ({"first": {"label": 7, "cost": "1"}}, "first.label: not text"),
    ],
)
def test_the_error_names_the_path(changes: dict[str, Any], problem: str) -> None:
    """Path and reason, by the names of the wire, without the value."""
    with pytest.raises(Undecodable) as caught:
        decode(body(**changes), Bill)

    assert caught.value.problems == (problem,)
    assert caught.value.is_json
    assert caught.value.data["kind"] == "y"
    assert caught.value.__cause__ is None
    assert SECRET not in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    """One reading of the error is enough to mend the server."""
    fields = {key: value for key, value in GOOD.items() if key not in ("name", "open")} | {"number": "x"}

    with pytest.raises(Undecodable) as caught:
        structure(fields, Bill)

    assert set(caught.value.problems) == {"number: not a whole number", "name: missing", "open: missing"}


def test_an_answer_of_another_shape_altogether() -> None:
    """At most twenty problems are told."""
    with pytest.raises(Undecodable) as caught:
        decode(json.dumps([{"label": 1, "cost": None}] * 100), list[Line])

    assert len(caught.value.problems) == 20


@pytest.mark.parametrize(
    "text", ["", "<html></html>", '{"number": 7', "nul", "\x00", '{"a": 1} trailing', "[" * 100_000]
)
def test_what_is_no_json(text: str) -> None:
    """One problem, and `is_json` is False."""
    with pytest.raises(Undecodable) as caught:
        decode(text, Bill)

    assert (caught.value.problems, caught.value.is_json) == (("$: not JSON",), False)


@pytest.mark.parametrize("text", ["[]", "7", "null", '"x"'])
def test_json_that_is_no_object(text: str) -> None:
    """The root is named `$`."""
    with pytest.raises(Undecodable) as caught:
        decode(text, Bill)

    assert (caught.value.problems, caught.value.is_json) == (("$: not an object",), True)


def test_lists_of_models() -> None:
    """Decoded in one go."""
    lines = decode(b'[{"label": "a", "cost": "1"}, {"label": "b", "cost": 0.10}]', list[Line])

    assert [(line.label, str(line.cost)) for line in lines] == [("a", "1"), ("b", "0.10")]


def test_null_for_a_field_with_a_default_is_the_default() -> None:
    """On both ways through the decoder; `to_dict` still knows the null."""
    for text in (body(note=None), body(note=None, total=12.5)):
        bill = decode(text, Bill)
        assert bill.note is None
        assert "note" in bill


def test_numbers_of_unknown_fields_survive_the_careful_way() -> None:
    """They are written again as the same numbers."""
    bill = decode(body(total=0.1, new=0.25), Bill)

    assert json.loads(encode(bill.to_dict()))["new"] == 0.25


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_an_amount_comes_back_as_it_went(amount: Decimal) -> None:
    """Written as a number digit for digit, and read again without loss."""
    written = encode({"label": "x", "cost": amount})

    assert written == f'{{"label":"x","cost":{amount:f}}}'.encode()
    assert decode(written, Line).cost.as_tuple() == amount.as_tuple()


def test_encode_writes_what_users_pass() -> None:
    """Models, mappings and tuples have a JSON form."""
    line = Line(label="a", cost=Decimal("1.50"))
    written = {"line": {"label": "a", "cost": "1.50"}, "pair": [1, 2]}

    assert json.loads(encode({"line": line, "pair": (1, 2)})) == written
    assert json.loads(encode({"line": line, "pair": (1, 2), 4: None})) == {**written, "4": None}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), "object"),
        ({3}, "set"),
        (Decimal("NaN"), "Decimal"),
        (b"x", "bytes"),
        ({4: object()}, "object"),
        (float("nan"), "nan"),
        ({4: [None, {"y": float("inf")}]}, "inf"),
        ((float("-inf"),), "-inf"),
    ],
)
def test_what_has_no_json_form_is_named(value: object, kind: str) -> None:
    """By its type, or as Python writes a float that is no number."""
    with pytest.raises(TypeError, match=f"{kind}"):
        encode({"x": value})
