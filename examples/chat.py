"""
Ask a model one thing, and keep the talk as a conversation.

    python examples/chat.py "What is the capital of France?"

Needs NEXEVO_API_KEY, and NEXEVO_BASE_URL for a local gateway (`nexevo sandbox`).
"""

from __future__ import annotations

import asyncio
import sys

from nexevo_async import AsyncNexevo, NexevoError


async def main(question: str) -> int:
    async with AsyncNexevo() as client:
        try:
            conversation = await client.conversations.create(title=question[:60])
            answer = await client.chat.completions.create(
                model="nexevo/balanced",
                messages=[{"role": "user", "content": question}],
                metadata={"conversation_id": conversation.conversation_id},
            )
            text = answer.choices[0].message.content or ""
            # Storing and chatting are apart: appending calls no model.
            await client.conversations.append_message(conversation.conversation_id, role="user", content=question)
            await client.conversations.append_message(conversation.conversation_id, role="assistant", content=text)
        except NexevoError as error:
            print(error, file=sys.stderr)
            return 1
        print(text)
        print(f"generation {answer.nexevo.generation_id}, trace {answer.trace_id}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(" ".join(sys.argv[1:]) or "Hello!")))
