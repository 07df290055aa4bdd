"""``python -m nexevo_async.sandbox``: a sandbox from the command line, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from nexevo_async.sandbox.box import Sandbox

#: Where the credential for `--upstream` comes from: a command line would show it to every user of the machine.
UPSTREAM_KEY_VARIABLE = "NEXEVO_UPSTREAM_KEY"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the sandbox's options; `from_arguments` turns what it reads into a `Sandbox`."""
    add = parser.add_argument
    add("--bases", type=int, default=1, metavar="N", help="how many gateways to start (default: 1)")
    add(
        "--ports",
        type=_ports,
        metavar="P,P,…",
        help="their ports, then discovery's and control's; free ones if left out",
    )
    add("--db", metavar="FILE", help="keep the state in this SQLite file (default: in memory)")
    add("--api-key", metavar="KEY", help="the main account's key (default: one is made)")
    add("--rate-limit", type=_limit, default=60, metavar="N", help="requests a minute per key, or none (default: 60)")
    add("--token-delay", type=float, default=0.0, metavar="S", help="seconds between stream tokens (default: 0)")
    help_text = f"OpenAI-compatible server that answers the chats; its key comes from {UPSTREAM_KEY_VARIABLE}"
    add("--upstream", metavar="URL", help=help_text)
    add("--seed", type=int, default=0, metavar="N", help="same seed, same answers (default: 0)")
    add("--tls", action="store_true", help="serve https with a throw-away certificate (extra: tls)")
    add("--json", action="store_true", help="print one line of JSON when ready")


def from_arguments(arguments: argparse.Namespace) -> Sandbox:
    """
    The sandbox that parsed options describe, not started yet.

    Raises:
        ValueError: An option that cannot be.
    """
    return Sandbox(
        arguments.bases,
        ports=arguments.ports,
        db=arguments.db,
        api_key=arguments.api_key,
        rate_limit=arguments.rate_limit,
        token_delay=arguments.token_delay,
        upstream=arguments.upstream,
        seed=arguments.seed,
        tls=arguments.tls,
        upstream_key=os.environ.get(UPSTREAM_KEY_VARIABLE),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run a sandbox until Ctrl-C or SIGTERM.

    Args:
        argv: Options as on the command line; None reads the command line.

    Returns:
        0 after a clean end, 1 if it could not start.
    """
    parser = argparse.ArgumentParser(
        prog="nexevo sandbox",
        description="A local gateway that behaves as the service does: no key, no network, no cost.",
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))


def run(arguments: argparse.Namespace) -> int:
    """Run the sandbox that parsed options describe until Ctrl-C or SIGTERM; the exit code, as of `main`."""
    try:
        asyncio.run(_serve(from_arguments(arguments), as_json=arguments.json))
    except (ValueError, RuntimeError, OSError) as error:  # StoreError is a RuntimeError
        print(f"nexevo sandbox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # only where the loop cannot take signals
        pass
    return 0


async def _serve(sandbox: Sandbox, *, as_json: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
            break
    async with sandbox as box:
        print(orjson.dumps(box.addresses()).decode() if as_json else welcome(box.addresses()), flush=True)
        await stop.wait()
    if not as_json:
        print("\nThe sandbox is closed.", flush=True)


def welcome(addresses: dict[str, Any]) -> str:
    """What a person reads when the sandbox is ready: where everything is, and a snippet to paste."""
    bases = "\n".join(f"  base {number}      {url}" for number, url in enumerate(addresses["base_urls"]))
    urls = addresses["base_urls"]
    settings = f"NEXEVO_BASE_URL={urls[0]}" if len(urls) == 1 else f"NEXEVO_BASE_URLS={','.join(urls)}"
    trust = f"\n  CA file     {addresses['ca_file']}" if addresses["ca_file"] else ""
    return f"""The Nexevo sandbox is ready.

  API key     {addresses["api_key"]}
{bases}
  discovery   {addresses["discovery_url"]}
  control     {addresses["control_url"]}{trust}

Paste into another terminal:

  export NEXEVO_API_KEY={addresses["api_key"]}
  export {settings}

That is all a client needs. To see it answer without one:

  curl {addresses["base_url"]}/v1/chat/completions \\
    -H "Authorization: Bearer $NEXEVO_API_KEY" -H "Content-Type: application/json" \\
    -d '{{"model": "nexevo/fast", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

Ctrl-C ends it."""


def _ports(text: str) -> list[int]:
    try:
        return [int(port) for port in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError("must be whole numbers with commas between, such as 8001,8002") from None


def _limit(text: str) -> int | None:
    try:
        return None if text.lower() == "none" else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError('must be a whole number, or "none"') from None


if __name__ == "__main__":
    sys.exit(main())
