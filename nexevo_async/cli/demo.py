"""
``nexevo demo``: every part of the client against local gateways, and a base URL that dies in the middle.

Real HTTP over loopback, the real client; nothing is simulated but the models. The storm keeps its own books: a chat
that raised, or was answered with another's text, is lost, and the command then fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import orjson

from nexevo_async._messages import Attempt
from nexevo_async._sansio.policy import HealthPolicy, RetryPolicy
from nexevo_async.cli.show import Show, make_show
from nexevo_async.client import AsyncNexevo
from nexevo_async.hooks import AttemptStart, Hooks
from nexevo_async.sandbox import Sandbox

CHATS = 500
CONCURRENCY = 50
#: Seconds a local model "thinks", so that the storm lasts long enough for a base to die and come back.
THINKING = 0.9
#: Chats started when the preferred base is killed, and when it comes back.
KILL_AT, REVIVE_AT = 120, 250
#: How long the storm may take to see the preferred base in first place again, after its last chat (seconds).
PATIENCE = 15.0


@attrs.define(kw_only=True)
class Summary:
    """What the storm came to. Times are seconds; None means that it did not happen."""

    calls: int = 0
    failed: int = 0
    lost: int = 0
    failovers: int = 0
    sent_again: int = 0
    seconds: float = 0.0
    time_to_fail_over: float | None = None
    time_to_return: float | None = None
    steps: dict[str, Any] = attrs.field(factory=dict)

    @property
    def ok(self) -> bool:
        """Nothing was lost, and the preferred base was left and found again."""
        return not self.lost and self.time_to_fail_over is not None and self.time_to_return is not None


class Watch(Hooks):
    """Sees every attempt of the storm: when calls moved to another base, and when they came back."""

    def __init__(self) -> None:
        self.failovers = 0
        self.killed_at: float | None = None
        self.revived_at: float | None = None
        self.moved_after: float | None = None
        self.returned_after: float | None = None
        self.preferred = ""

    def before_attempt(self, attempt: AttemptStart) -> None:
        """Keep when the first call went elsewhere after the kill."""
        if self.killed_at is not None and self.moved_after is None and attempt.base_url != self.preferred:
            self.moved_after = time.monotonic() - self.killed_at

    def after_attempt(self, call: str, attempt: Attempt) -> None:
        """Count what failed, and keep when the preferred base first answered again."""
        if attempt.problem:
            self.failovers += 1
        elif self.revived_at is not None and self.returned_after is None and attempt.base_url == self.preferred:
            self.returned_after = time.monotonic() - self.revived_at


def run_demo(*, as_json: bool) -> int:
    """Run the demo; 0 if nothing was lost."""
    show = make_show(quiet=as_json)
    summary = asyncio.run(_demo(show))
    if as_json:
        print(orjson.dumps({"ok": summary.ok, **attrs.asdict(summary)}, default=str).decode())
    else:
        show.summary(summary)
    return 0 if summary.ok else 1


async def _demo(show: Show) -> Summary:
    summary, watch = Summary(), Watch()
    async with Sandbox(bases=3, rate_limit=None) as box:
        show.title(box)
        async with _client(box, watch) as client:
            for name, step in STEPS.items():
                summary.steps[name] = await step(client, show)
            await _storm(client, box, show, watch, summary)
    return summary


@asynccontextmanager
async def _client(box: Sandbox, watch: Watch) -> AsyncIterator[AsyncNexevo]:
    async with AsyncNexevo(
        box.api_key,
        base_url=box.base_urls[0],
        discovery_url=box.discovery_url,
        hooks=watch,
        # A person should not have to wait half a minute to see a base come back to first place.
        health=HealthPolicy(failback_hold=2.0, probe_period=5.0),
        # Everything in flight at the dying base may be sent once more: a demo's tokens cost nothing.
        retry=RetryPolicy(bounded_reserve=float(CONCURRENCY)),
    ) as client:
        yield client


async def _discover(client: AsyncNexevo, show: Show) -> Any:
    await client.endpoints.refresh()
    await client.endpoints.check()
    bases = client.endpoints.snapshot()
    show.step("Discovered", f"{len(bases)} base URLs, and asked each for its health")
    show.bases(bases)
    return len(bases)


async def _chat(client: AsyncNexevo, show: Show) -> Any:
    messages = [{"role": "user", "content": "Say hello to whoever reads this."}]
    answer = await client.chat.completions.create(model="nexevo/balanced", messages=messages)
    show.step("Chatted", f"“{answer.choices[0].message.content}”")
    usage = answer.usage
    show.note(f"{usage.total_tokens if usage else 0} tokens, generation {answer.nexevo.generation_id}")
    feedback = await client.feedback.submit(
        generation_id=answer["nexevo"]["generation_id"], rating=1, comment="Friendly.", tags=["accurate"]
    )
    summary = await client.feedback.summary(days=7)
    show.step("Gave feedback", f"on that generation: {summary.positive_pct:g} % positive so far")
    return feedback.to_dict()


async def _stream(client: AsyncNexevo, show: Show) -> Any:
    messages = [{"role": "user", "content": "Stream me a sentence."}]
    async with client.chat.completions.stream(model="nexevo/fast", messages=messages) as stream:
        show.step("Streamed", "", end="")
        async for text in stream.text():
            show.text(text)
            await asyncio.sleep(0.01)
        show.text("\n")
        final = await stream.final()
    return final.choices[0].finish_reason


async def _conversation(client: AsyncNexevo, show: Show) -> Any:
    conversation = await client.conversations.create(title="My Session")
    conversation_id = conversation["conversation_id"]
    await client.conversations.append_message(conversation_id, role="user", content="Hello!")
    await client.conversations.append_message(conversation_id, role="assistant", content="Hello to you.")
    stored = await client.conversations.get(conversation_id)
    count = len(stored.messages or [])
    show.step("Stored a conversation", f"{conversation_id} with {count} messages")
    return count


async def _keys(client: AsyncNexevo, show: Show) -> Any:
    new = await client.keys.create(name="ci")
    key_id = new["key"]["key_id"]
    await client.keys.update_spend_cap(key_id, monthly_spend_cap_usd=Decimal("25.00"))
    await client.keys.update_alert_webhook(key_id, url="https://example.com/alerts")
    await client.keys.update_geo_policy(key_id, geo_policy="any")
    await client.keys.revoke(key_id)
    show.step("Made a key", f"{key_id}: capped at $25, webhook and geo policy set, revoked")
    return key_id


async def _billing(client: AsyncNexevo, show: Show) -> Any:
    before = await client.billing.balance()
    usage = await client.billing.usage(days=7)
    plan = await client.billing.get_plan()
    hint = await client.billing.upgrade_hint()
    show.step("Read the bill", f"balance ${_balance(before):.2f}, plan {plan['plan']}")
    tiers = ", ".join(f"{tier} {used['requests']}" for tier, used in usage["by_tier"].items())
    show.note(f"requests this week by tier: {tiers}; hint to upgrade: {hint['hint'] or 'none'}")
    top_up = f"topup-{datetime.now(UTC):%Y-%m-%d}-001"
    for _ in range(2):
        await client.billing.checkout(amount_usd=Decimal("10.00"), idempotency_key=top_up)
    charged = _balance(await client.billing.balance()) - _balance(before)
    show.step("Topped up twice", f"with one idempotency key: charged once, ${charged:.2f}")
    if charged != Decimal("10.00"):
        raise SystemExit("the same idempotency key was charged twice")
    return str(charged)


def _balance(answer: Any) -> Decimal:
    return Decimal(answer["balance_usd"])


async def _organization(client: AsyncNexevo, show: Show) -> Any:
    made = await client.organizations.create("Acme Inc")
    org_id = made["organization"]["org_id"]
    await client.organizations.invite_member(org_id, email="dev@example.com", role="developer")
    members = await client.organizations.list_members(org_id)
    show.step("Founded an organization", f"{org_id} with {len(members)} members")
    return len(members)


async def _sub_accounts(client: AsyncNexevo, show: Show) -> Any:
    pricing = [{"model": "nexevo/fast", "pricing_factor": 1}]
    made = await client.sub_accounts.create(alias="demo", balance=Decimal("1.5"), model_pricing=pricing, count=2)
    tokens = [item.token for item in made.items]
    listed = await client.sub_accounts.list(alias="demo")
    await client.sub_accounts.update(sks=tokens, model_pricing=[{"model": "nexevo/fast", "pricing_factor": 2}])
    await client.sub_accounts.delete(sks=tokens)
    show.step("Sub-accounts", f"{len(listed)} created and listed, repriced, deleted")
    return len(listed)


STEPS: dict[str, Callable[[AsyncNexevo, Show], Awaitable[Any]]] = {
    "discovered": _discover,
    "chat": _chat,
    "stream": _stream,
    "conversation": _conversation,
    "keys": _keys,
    "billing": _billing,
    "organization": _organization,
    "sub_accounts": _sub_accounts,
}


async def _storm(client: AsyncNexevo, box: Sandbox, show: Show, watch: Watch, summary: Summary) -> None:
    """500 chats at concurrency 50 while the preferred base is killed, and later comes back."""
    preferred = client.endpoints.snapshot()[0].url
    base = box.base_urls.index(preferred)
    watch.preferred, watch.failovers = preferred, 0
    box.clear_journal()
    thinking = box.fault(None, "slow", route="chat.completions.create", delay=THINKING)
    numbers = iter(range(CHATS))
    started = time.monotonic()

    async def worker() -> None:
        for number in numbers:
            if number == KILL_AT:
                box.kill(base)
                watch.killed_at = time.monotonic()
                show.event(f"{preferred} is killed, {CONCURRENCY} chats in flight")
            elif number == REVIVE_AT:
                box.revive(base)
                watch.revived_at = time.monotonic()
                show.event(f"{preferred} is back")
            summary.calls += 1
            try:
                answered = await _one_chat(client, number)
            except Exception as error:  # everything that went wrong is counted and shown, whatever it is
                summary.failed += 1
                show.event(f"chat {number} failed: {error}")
                answered = False
            summary.lost += not answered
            show.progress(done=1)

    with show.storm(CHATS, client.endpoints.snapshot):
        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
        thinking.clear()
        until = time.monotonic() + PATIENCE
        while watch.returned_after is None and time.monotonic() < until:
            await _one_chat(client, 0)
            await asyncio.sleep(0.2)
    summary.seconds = time.monotonic() - started
    summary.failovers = watch.failovers
    summary.time_to_fail_over, summary.time_to_return = watch.moved_after, watch.returned_after
    arrivals = [entry.idempotency_key for entry in box.journal() if entry.route == "chat.completions.create"]
    summary.sent_again = len(arrivals) - len(set(arrivals))


async def _one_chat(client: AsyncNexevo, number: int) -> bool:
    """Whether the answer is the one to this very question."""
    messages = [{"role": "user", "content": f"chat number {number}"}]
    answer = await client.chat.completions.create(model="nexevo/fast", messages=messages)
    return f"chat number {number}" in (answer.choices[0].message.content or "")
