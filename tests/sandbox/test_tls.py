"""A box over TLS: trusted by those who are told to, and by nobody else."""

from __future__ import annotations

import ssl
import sys

import aiohttp
import pytest

from nexevo_async.sandbox import Sandbox


async def test_bases_and_discovery_speak_https_and_control_does_not() -> None:
    async with Sandbox(tls=True) as box:
        assert box.base_url.startswith("https://127.0.0.1:")
        assert box.discovery_url.startswith("https://127.0.0.1:")
        assert box.control_url.startswith("http://127.0.0.1:")
        assert box.ssl_context is not None
        url = f"{box.base_url}/api/v1/healthy"
        async with aiohttp.ClientSession() as http, http.get(url, ssl=box.ssl_context) as answer:
            assert await answer.text() == "healthy"


async def test_the_ca_file_is_there_while_the_box_is() -> None:
    async with Sandbox(tls=True) as box:
        assert box.ca_file is not None
        context = ssl.create_default_context(cafile=box.ca_file)
        url = f"{box.base_url}/api/v1/healthy"
        async with aiohttp.ClientSession() as http, http.get(url, ssl=context) as answer:
            assert answer.status == 200
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=box.ca_file)


async def test_a_client_that_trusts_the_system_refuses() -> None:
    async with Sandbox(tls=True) as box, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(f"{box.base_url}/api/v1/healthy")


async def test_faults_and_kills_work_over_tls() -> None:
    async with Sandbox(tls=True) as box, aiohttp.ClientSession() as http:
        url = f"{box.base_url}/api/v1/healthy"
        box.fault(0, "reset", count=1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.post(url, ssl=box.ssl_context)  # aiohttp repeats a GET by itself
        box.kill(0)
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url, ssl=box.ssl_context)
        box.revive(0)
        async with http.get(url, ssl=box.ssl_context) as answer:
            assert answer.status == 200


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(RuntimeError, match=r"pip install 'nexevo\[tls\]'"):
        Sandbox(tls=True).__enter__()


async def test_a_plain_box_has_no_authority() -> None:
    async with Sandbox() as box:
        assert (box.ca_file, box.ssl_context) == (None, None)
