"""
Print an answer while it is made; say so if it breaks off.

    python examples/stream.py "Tell me a story."

Needs NEXEVO_API_KEY, and NEXEVO_BASE_URL for a local gateway (`nexevo sandbox --token-delay 0.05`).
"""

from __future__ import annotations

import asyncio
import sys

from nexevo_async import AsyncNexevo, NexevoError, StreamTruncatedError, Timeout

#: Nothing for 20 s is a stream that hangs, whatever comment lines the service sends meanwhile.
LIMITS = Timeout(total=300, between_content=20)


async def main(question: str) -> int:
    messages = [{"role": "user", "content": question}]
    async with AsyncNexevo() as client:
        try:
            async with client.chat.completions.stream(
                model="nexevo/balanced", messages=messages, timeout=LIMITS, stream_options={"include_usage": True}
            ) as stream:
                async for text in stream.text():
                    print(text, end="", flush=True)
                answer = await stream.final()
        except StreamTruncatedError as error:
            print(f"\n(the answer broke off: {error})", file=sys.stderr)
            return 1
        except NexevoError as error:
            print(error, file=sys.stderr)
            return 1
    print()
    if answer.usage is not None:
        print(f"{answer.usage.completion_tokens} tokens, {answer.choices[0].finish_reason}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(" ".join(sys.argv[1:]) or "Hello!")))
