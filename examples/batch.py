"""
Many chats, a bounded number at once; each failure is kept beside its row.

    python examples/batch.py < questions.txt > answers.jsonl

One question on a line; answers come as JSON lines in the same order. Needs NEXEVO_API_KEY, and NEXEVO_BASE_URL for a
local gateway (`nexevo sandbox --rate-limit none`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal

from nexevo_async import AsyncNexevo, NexevoError, QuotaExceededError

AT_ONCE = 64
#: Calls a minute that your key may make; further ones wait their turn instead of being refused.
RATE_LIMIT = 6000


async def answer(client: AsyncNexevo, question: str) -> dict[str, object]:
    try:
        result = await client.chat.completions.create(
            model="nexevo/fast", messages=[{"role": "user", "content": question}]
        )
    except QuotaExceededError:
        raise  # the month is used up: the rest would fail as well
    except NexevoError as error:
        return {"question": question, "error": str(error), "trace_id": error.trace_id}
    usage = result.usage
    return {
        "question": question,
        "answer": result.choices[0].message.content,
        "tokens": None if usage is None else usage.total_tokens,
        "generation_id": result.nexevo.generation_id,
    }


async def main() -> int:
    questions = [line.strip() for line in sys.stdin if line.strip()]
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(client: AsyncNexevo, question: str) -> dict[str, object]:
        async with turns:
            return await answer(client, question)

    async with AsyncNexevo(rate_limit=RATE_LIMIT) as client:
        before = (await client.billing.balance()).balance_usd
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_turn(client, question)) for question in questions]
        after = (await client.billing.balance()).balance_usd
    rows = [task.result() for task in tasks]
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))
    failed = sum("error" in row for row in rows)
    cost = "unknown" if before is None or after is None else f"{Decimal(before - after):f} USD"
    print(f"{len(rows) - failed} answered, {failed} failed, cost {cost}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
