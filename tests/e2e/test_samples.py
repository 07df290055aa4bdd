"""Every sample of the service's documentation runs as printed (with `await`), against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest_asyncio

from nexevo_async import AsyncNexevo
from nexevo_async.sandbox import Sandbox
from nexevo_async.sandbox.totp import totp


@pytest_asyncio.fixture
async def client() -> AsyncIterator[AsyncNexevo]:
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as made:
        yield made


async def test_a_conversation(client: AsyncNexevo) -> None:
    """Made, and a message stored in it."""
    conv = await client.conversations.create(title="My Session")
    await client.conversations.append_message(conv["conversation_id"], role="user", content="Hello!")
    stored = await client.conversations.get(conv.conversation_id)
    assert stored["messages"][0]["content"] == "Hello!"
    assert conv["conversation_id"] == conv.conversation_id


async def test_a_chat_and_feedback_on_it(client: AsyncNexevo) -> None:
    """Both spellings of the generation id are the same."""
    resp = await client.chat.completions.create(
        model="nexevo/balanced", messages=[{"role": "user", "content": "Hello!"}]
    )
    assert resp["nexevo"]["generation_id"] == resp.nexevo.generation_id
    assert resp.nexevo.generation_id
    feedback = await client.feedback.submit(
        generation_id=resp["nexevo"]["generation_id"], rating=1, comment="good", tags=["accurate"]
    )
    assert feedback["rating"] == 1


async def test_a_key(client: AsyncNexevo) -> None:
    """The secret comes once, the id for good."""
    new = await client.keys.create(name="production")
    assert new["full_key"].startswith("sk-xc-")
    capped = await client.keys.update_spend_cap(new["key"]["key_id"], monthly_spend_cap_usd="50.00")
    assert capped.monthly_spend_cap_usd == Decimal("50.00")
    assert new["full_key"] not in repr(new)


async def test_a_top_up_a_hint_and_an_organization(client: AsyncNexevo) -> None:
    """The remaining samples."""
    session = await client.billing.checkout(amount_usd=50, idempotency_key="topup-2026-01-01-001")
    assert session["checkout_url"].startswith("http")
    hint = await client.billing.upgrade_hint()
    assert not hint["hint"] or hint["hint"]["recommend_plan"]
    org = await client.organizations.create("Acme Inc")
    assert org["organization"]["org_id"].startswith("org_")


async def test_login_register_and_two_factor_authentication(client: AsyncNexevo) -> None:
    """An account of its own, from registration over a real TOTP code to its end; none of it needs the client's key."""
    nobody = client.with_options()
    await nobody.auth.register(email="new@example.com", password="correct horse battery", full_name="New")
    session = await nobody.auth.login(email="new@example.com", password="correct horse battery")
    own = client.with_options(api_key=session["access_token"])
    assert (await own.auth.me())["email"] == "new@example.com"
    await own.auth.update_profile(full_name="Newer")
    setup = await own.auth.two_fa_setup()
    await own.auth.two_fa_enable(code=totp(setup["secret"], datetime.now(UTC)))
    assert (await own.auth.two_fa_status())["enabled"] is True
    await own.auth.two_fa_disable(code=totp(setup["secret"], datetime.now(UTC)))
    await own.auth.change_password(current_password="correct horse battery", new_password="another long secret")
    await own.auth.deactivate(password="another long secret")
