"""The ``nexevo`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from nexevo_async._version import version


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the status is 0 if all went well, 1 if something was lost, 2 for wrong usage, 130 for Ctrl-C."""
    try:
        return _run(argv)  # reading the arguments is inside: it imports what the commands are made of
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _run(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="nexevo", description="Client and local gateway for Nexevo.")
    parser.add_argument("--version", action="version", version=f"nexevo {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_sandbox(commands)
    arguments = parser.parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="see everything work against local gateways, in under a minute",
        description="Starts three gateways and a discovery host on loopback and uses every part of the client. "
        "Needs no key and no network.",
    )
    parser.add_argument("--json", action="store_true", help="print only the summary, as one JSON object")

    def run(arguments: argparse.Namespace) -> int:
        from nexevo_async.cli.demo import run_demo  # each command imports only what it needs

        return run_demo(as_json=arguments.json)

    parser.set_defaults(run=run)


def _add_sandbox(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from nexevo_async.sandbox.__main__ import add_arguments, run

    parser = commands.add_parser("sandbox", help="run a local gateway to develop and test against")
    add_arguments(parser)
    parser.set_defaults(run=run)
