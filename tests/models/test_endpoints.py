"""Endpoints: one spelling per base URL, and no URL that a key should not go to."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async.models.endpoints import Endpoint, EndpointStatus


@pytest.mark.parametrize(
    ("pasted", "url"),
    [
        ("https://api.nexevo.ai", "https://api.nexevo.ai"),
        ("https://api.nexevo.ai/", "https://api.nexevo.ai"),
        ("https://api.nexevo.ai/v1", "https://api.nexevo.ai"),
        ("https://api.nexevo.ai/v1/", "https://api.nexevo.ai"),
        ("https://api.nexevo.ai//v1//", "https://api.nexevo.ai"),
        ("  https://api.nexevo.ai\n", "https://api.nexevo.ai"),
        ("HTTPS://API.Nexevo.AI", "https://api.nexevo.ai"),
        ("https://api.nexevo.ai:443/v1", "https://api.nexevo.ai"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://[::1]:9000/", "http://[::1]:9000"),
        ("https://proxy.example/nexevo/v1", "https://proxy.example/nexevo"),
        ("https://proxy.example/v1beta", "https://proxy.example/v1beta"),
        ("https://proxy.example/Team/v1", "https://proxy.example/Team"),
    ],
)
def test_every_spelling_of_a_base_url_is_the_same_endpoint(pasted: str, url: str) -> None:
    assert Endpoint(pasted).url == url


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        ("api.nexevo.ai", "https://"),
        ("", "https://"),
        ("//api.nexevo.ai", "https://"),
        ("ftp://api.nexevo.ai", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://", "no host"),
        ("https:///v1", "no host"),
        ("https://.", "between two dots"),
        ("https://a..b", "between two dots"),
        ("https://" + "a" * 64 + ".example", "between two dots"),
        ("https://user:pw-123@api.nexevo.ai", "api_key"),
        ("https://sk-xc-123@api.nexevo.ai", "api_key"),
        ("https://@api.nexevo.ai", "api_key"),
        ("https://api.nexevo.ai?key=sk-xc-123", "query"),
        ("https://api.nexevo.ai/?", "query"),
        ("https://api.nexevo.ai/#sk-xc-123", "fragment"),
        ("https://api.nexevo.ai:99999", "port"),
        ("https://api.nexevo.ai:sk-xc-123", "port"),
        ("https://[::1", "host"),
        ("https://api.nexevo.ai\\@sk-xc-123.example", "backslash"),
        ("https://api.nex\nevo.ai", "white space"),
        ("https://api.nexevo.ai/a b", "white space"),
        ("https://аpi.nexevo.ai", "xn--"),
    ],
)
def test_an_unfit_base_url_is_refused_with_help_and_without_quoting_it(pasted: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        Endpoint(pasted)

    assert "123" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_base_url_that_is_not_text_is_refused() -> None:
    with pytest.raises(ValueError, match="is text, not bytes"):
        Endpoint(b"https://api.nexevo.ai")  # type: ignore[arg-type]


@pytest.mark.parametrize("priority", [True, 1.5, "1", None])
def test_a_priority_is_an_integer(priority: object) -> None:
    with pytest.raises(ValueError, match="priority is an integer"):
        Endpoint("https://api.nexevo.ai", priority)  # type: ignore[arg-type]


def test_a_source_is_one_of_two() -> None:
    with pytest.raises(ValueError, match=r"^source is 'configured' or 'discovered'$"):
        Endpoint("https://api.nexevo.ai", source="guessed")  # type: ignore[arg-type]


def test_an_endpoint_has_no_opinion_about_its_priority_and_is_configured_unless_told() -> None:
    endpoint = Endpoint("https://api.nexevo.ai")

    assert (endpoint.priority, endpoint.source) == (0, "configured")


@given(st.text())
def test_any_text_is_an_endpoint_whose_url_stays_the_same_or_a_value_error(text: str) -> None:
    try:
        url = Endpoint(f"https://{text}").url
    except ValueError:
        return
    assert Endpoint(url).url == url


def test_a_status_is_frozen_and_knows_little_at_first() -> None:
    status = EndpointStatus(url="https://api.nexevo.ai", priority=0, state="unknown")

    assert (status.latency, status.last_checked, status.last_error, status.ejected_for) == (None, None, None, None)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        status.state = "healthy"  # type: ignore[misc]
