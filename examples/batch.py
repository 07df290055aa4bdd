"""
Many chats, a bounded number at once; each failure is kept beside its row.

    python examples/batch.py < questions.txt > answers.jsonl

One question on a line; answers come as JSON lines in the same order, written as they come. Needs NEXEVO_API_KEY, and
NEXEVO_BASE_URL for a local gateway (`nexevo sandbox --rate-limit none`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal

from nexevo_async import AsyncNexevo, BatchRow, NexevoError, QuotaExceededError
from nexevo_async.models import ChatCompletion

#: Calls a minute that your key may make; further ones wait their turn instead of being refused.
RATE_LIMIT = 6000


async def ask(client: AsyncNexevo, question: str) -> ChatCompletion:
    return await client.chat.completions.create(model="nexevo/fast", messages=[{"role": "user", "content": question}])


def as_json(row: BatchRow[str, ChatCompletion]) -> dict[str, object]:
    if row.value is None:
        return {"question": row.item, "error": str(row.error), "trace_id": row.error and row.error.trace_id}
    usage = row.value.usage
    return {
        "question": row.item,
        "answer": row.value.choices[0].message.content,
        "tokens": None if usage is None else usage.total_tokens,
        "generation_id": row.value.nexevo.generation_id,
    }


async def answer_all(client: AsyncNexevo) -> int:
    questions = (line.strip() for line in sys.stdin if line.strip())
    answered = failed = 0
    before = (await client.billing.balance()).balance_usd
    try:
        async for row in client.batch.map(questions, call=ask, ordered=True):
            print(json.dumps(as_json(row), ensure_ascii=False), flush=True)
            answered += row.error is None
            failed += row.error is not None
    except QuotaExceededError as error:
        print(f"{error}. Questions that have no line were not asked, or not answered", file=sys.stderr)
        failed += 1
    after = (await client.billing.balance()).balance_usd
    cost = "unknown" if before is None or after is None else f"{Decimal(before - after):f} USD"
    print(f"{answered} answered, {failed} failed, cost {cost}", file=sys.stderr)
    return 1 if failed else 0


async def main() -> int:
    async with AsyncNexevo(rate_limit=RATE_LIMIT) as client:
        try:
            return await answer_all(client)
        except NexevoError as error:
            print(error, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
