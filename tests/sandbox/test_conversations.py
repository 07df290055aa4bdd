"""Conversations: kept in order, bounded, and nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async.sandbox.conversations import encode_metadata
from nexevo_async.sandbox.errors import ApiError

TALKS = "/v1/conversations"


async def begin(api, body: object = None) -> str:
    talk = await api.call("POST", TALKS, body or {}, expect=201)
    return str(talk["conversation_id"])


async def test_a_conversation_keeps_title_and_metadata(api) -> None:
    body = {"title": "My Session", "metadata": {"ü": [1, 2.5, None, {"deep": True}]}}
    talk = await api.call("POST", TALKS, body, expect=201)
    conversation_id = talk.pop("conversation_id")
    now = "2026-01-15T12:00:00.000000+00:00"
    assert talk == {**body, "created_at": now, "updated_at": now}
    assert await api.call("GET", f"{TALKS}/{conversation_id}") == {
        "conversation_id": conversation_id,
        **talk,
        "messages": [],
    }


async def test_title_and_metadata_may_be_left_out(api) -> None:
    talk = await api.call("POST", TALKS, {}, expect=201)
    assert (talk["title"], talk["metadata"]) == (None, None)


async def test_messages_keep_their_order_and_no_model_is_called(api) -> None:
    conversation_id = await begin(api)
    roles = ["system", "user", "assistant", "tool", "user"]
    for number, role in enumerate(roles):
        body = {"role": role, "content": f"message {number}"}
        message = await api.call("POST", f"{TALKS}/{conversation_id}/messages", body, expect=201)
        assert (message["role"], message["content"], message["conversation_id"]) == (
            role,
            f"message {number}",
            conversation_id,
        )
    talk = await api.call("GET", f"{TALKS}/{conversation_id}")
    assert [(message["role"], message["content"]) for message in talk["messages"]] == [
        (role, f"message {number}") for number, role in enumerate(roles)
    ]
    assert api.store.value("SELECT count(*) FROM generations") == 0


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("role", {"content": "Hi"}),
        ("role", {"role": "robot", "content": "Hi"}),
        ("content", {"role": "user"}),
        ("content", {"role": "user", "content": ["Hi"]}),
    ],
)
async def test_a_message_names_the_field_at_fault(api, field: str, body: object) -> None:
    conversation_id = await begin(api)
    assert (await api.refused("POST", f"{TALKS}/{conversation_id}/messages", body))[1] == field


async def test_the_newest_conversation_comes_first(api) -> None:
    ids = [await begin(api) for _ in range(3)]
    listed = (await api.call("GET", TALKS))["conversations"]
    assert [talk["conversation_id"] for talk in listed] == ids[::-1]
    assert "messages" not in listed[0]
    assert [talk["conversation_id"] for talk in (await api.call("GET", f"{TALKS}?limit=1"))["conversations"]] == ids[2:]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many"])
async def test_a_limit_is_1_to_1000(api, limit: str) -> None:
    assert (await api.refused("GET", f"{TALKS}?limit={limit}"))[1] == "limit"


async def test_an_update_changes_only_what_it_names_and_null_clears(api) -> None:
    conversation_id = await begin(api, {"title": "Old", "metadata": {"a": 1}})
    api.clock.advance(seconds=1)
    renamed = await api.call("PATCH", f"{TALKS}/{conversation_id}", {"title": "New"})
    assert (renamed["title"], renamed["metadata"]) == ("New", {"a": 1})
    assert renamed["updated_at"] == "2026-01-15T12:00:01.000000+00:00"
    cleared = await api.call("PATCH", f"{TALKS}/{conversation_id}", {"metadata": None})
    assert (cleared["title"], cleared["metadata"]) == ("New", None)
    assert (await api.refused("PATCH", f"{TALKS}/{conversation_id}", {}))[0] == "missing_required_parameter"


async def test_a_deleted_conversation_is_gone_with_its_messages(api) -> None:
    conversation_id = await begin(api)
    body = {"role": "user", "content": "Hi"}
    await api.call("POST", f"{TALKS}/{conversation_id}/messages", body, expect=201)
    gone = {"conversation_id": conversation_id, "deleted": True}
    assert await api.call("DELETE", f"{TALKS}/{conversation_id}") == gone
    for method, path in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/messages")]:
        change = {"title": "x", **body}
        refused = await api.refused(method, f"{TALKS}/{conversation_id}{path}", change, expect=404)
        assert refused == ("conversation_not_found", None)
    assert api.store.value("SELECT count(*) FROM messages") == 0


async def test_the_conversations_of_others_do_not_exist(api) -> None:
    conversation_id = await begin(api)
    _, token = await api.someone("ann@example.com")
    assert await api.call("GET", TALKS, key=token) == {"conversations": []}
    await api.call("GET", f"{TALKS}/{conversation_id}", key=token, expect=404)
    await api.call("DELETE", f"{TALKS}/{conversation_id}", key=token, expect=404)


async def test_an_id_with_a_slash_stays_one_id(api) -> None:
    assert await api.refused("GET", f"{TALKS}/..%2Fkeys", expect=404) == ("conversation_not_found", None)


@pytest.mark.parametrize("character", ["x", "é", "😀"])
async def test_metadata_may_have_4096_bytes_and_not_one_more(api, character: str) -> None:
    frame = len(b'{"k":""}')
    count, rest = divmod(4096 - frame, len(character.encode()))
    fits = {"k": character * count + "x" * rest}
    await api.call("POST", TALKS, {"metadata": fits}, expect=201)
    refused = await api.refused("POST", TALKS, {"metadata": {"k": fits["k"] + "x"}})
    assert refused == ("metadata_too_large", "metadata")


@pytest.mark.parametrize("metadata", [[], "text", 7, True])
async def test_metadata_is_an_object(api, metadata: object) -> None:
    assert await api.refused("POST", TALKS, {"metadata": metadata}) == ("invalid_type", "metadata")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=300), max_size=20))
def test_metadata_is_either_within_its_limit_or_refused(metadata: dict[str, str]) -> None:
    try:
        text = encode_metadata(metadata)
    except (ApiError, UnicodeEncodeError):
        return
    assert text is not None
    assert len(text.encode()) <= 4096
