"""Who shares with other processes, and in which file."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, HealthPolicy
from nexevo_async.sandbox import Sandbox
from tests.core.raw_server import free_port


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, whose cache folder is the default."""
    monkeypatch.delenv("NEXEVO_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "nexevo"


def shares(**settings: Any) -> bool:
    client = AsyncNexevo("sk-1", **settings)
    return client._transport.core.background._sharing is not None


PUBLIC, LOCAL = "https://api.example.com", "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"base_url": PUBLIC}, True),
        ({"base_urls": [LOCAL, PUBLIC]}, True),
        ({"base_url": LOCAL, "discovery_url": PUBLIC}, True),
        ({"base_url": LOCAL}, False),
        ({"base_url": LOCAL, "discovery_url": "http://localhost:1"}, False),
        ({"base_url": PUBLIC, "health": HealthPolicy(share=False)}, False),
        ({"base_url": PUBLIC, "health": HealthPolicy(probe_period=None)}, False),
        ({"base_url": PUBLIC, "discovery_url": PUBLIC, "health": HealthPolicy(probe_period=None)}, True),
    ],
)
def test_who_shares(folder: Path, settings: dict[str, Any], expected: bool) -> None:
    assert shares(**settings) is expected
    assert not folder.exists()  # making a client does no I/O


def test_a_folder_that_is_named_is_used_even_for_gateways_on_this_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXEVO_CACHE_DIR", str(folder))
    assert shares(base_url=LOCAL)
    monkeypatch.setenv("NEXEVO_CACHE_DIR", "")
    assert not shares(base_url=PUBLIC)


async def test_clients_that_are_configured_alike_share_a_file_whatever_their_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXEVO_CACHE_DIR", str(tmp_path / "made" / "for" / "it"))
    async with Sandbox(bases=2, rate_limit=None) as box:
        settings: list[dict[str, Any]] = [
            {"base_urls": box.base_urls},
            {"base_urls": box.base_urls[::-1], "api_key": "sk-another1"},
            {"base_urls": box.base_urls, "discovery_url": box.discovery_url},
            {"base_urls": box.base_urls, "discovery_url": box.discovery_url, "allowed_hosts": ["*.example.com"]},
            {"base_url": f"http://127.0.0.1:{free_port()}"},
        ]
        for number, arguments in enumerate(settings):
            async with AsyncNexevo(**{"api_key": box.api_key, **arguments}) as client:
                await client.endpoints.check()
            files = await asyncio.to_thread(lambda: list((tmp_path / "made" / "for" / "it").glob("*.json")))
            assert len(files) == (1, 1, 2, 3, 4)[number]
        for file in files:
            text = file.read_text()
            assert box.api_key not in text
            assert box.api_key not in file.name
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
