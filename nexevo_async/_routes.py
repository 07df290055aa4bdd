"""
The route table: every call of the client in one line, with what happens if it is sent twice.

`contract.md` sections 2 to 6 are the authority. Many paths are assumptions (standing A there), because nobody has
published them; that is why a user can replace any line (`route_overrides`) without waiting for a release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from string import Formatter
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import attrs

from nexevo_async._messages import Safety
from nexevo_async._redaction import shown_word
from nexevo_async._validation import DOT_SEGMENTS, identifier
from nexevo_async.errors import ConfigurationError

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

# No query, no fragment, nothing that a URL parser would read as a host or fold away, and braces only around a name.
_SEGMENT: Final = r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|\{[a-z_]+\})+"
_FORM: Final = re.compile(rf"({'|'.join(METHODS)}) ((?:{_SEGMENT})+/?)", re.ASCII)


@attrs.frozen
class Route:
    """
    One line of the table.

    Attributes:
        name: Resource and method as users type them, such as ``keys.create``.
        method: HTTP method, upper case.
        template: Path below the base URL, ids as ``{key_id}``.
        safety: What happens if the request arrives twice; it stays with the name when the path is overridden.
        auth: Whether the API key goes along.
        look_at: For an unsafe call, the call that shows whether it happened; None where no call does.
        placeholders: Names of the ids in the template.
    """

    name: str
    method: str
    template: str
    safety: Safety
    auth: bool = attrs.field(default=True, kw_only=True)
    look_at: str | None = attrs.field(default=None, kw_only=True)
    placeholders: frozenset[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "placeholders", _placeholders(self.template))


def _placeholders(template: str) -> frozenset[str]:
    return frozenset(field for _, field, _, _ in Formatter().parse(template) if field is not None)


SAFE, IDEMPOTENT, KEYED, BILLABLE, UNSAFE = Safety

MEMBERS: Final = "organizations.list_members"
CONVERSATION: Final = "conversations.get"

# fmt: off
_TABLE: Final = (
    Route("endpoints.links", "GET", "/api/v1/links", SAFE),
    Route("endpoints.health", "GET", "/api/v1/healthy", SAFE, auth=False),

    Route("chat.completions.create", "POST", "/v1/chat/completions", BILLABLE),
    Route("models.list", "GET", "/v1/models", SAFE),
    Route("models.get", "GET", "/v1/models/{id}", SAFE),
    Route("embeddings.create", "POST", "/v1/embeddings", BILLABLE),

    Route("conversations.create", "POST", "/v1/conversations", UNSAFE, look_at="conversations.list"),
    Route("conversations.list", "GET", "/v1/conversations", SAFE),
    Route("conversations.get", "GET", "/v1/conversations/{id}", SAFE),
    Route("conversations.update", "PATCH", "/v1/conversations/{id}", IDEMPOTENT),
    Route("conversations.delete", "DELETE", "/v1/conversations/{id}", IDEMPOTENT),
    Route("conversations.append_message", "POST", "/v1/conversations/{id}/messages", UNSAFE, look_at=CONVERSATION),

    Route("auth.me", "GET", "/v1/auth/me", SAFE),
    Route("auth.update_profile", "PATCH", "/v1/auth/me", IDEMPOTENT),
    Route("auth.change_password", "POST", "/v1/auth/change-password", UNSAFE),
    Route("auth.two_fa_status", "GET", "/v1/auth/2fa/status", SAFE),
    Route("auth.two_fa_setup", "POST", "/v1/auth/2fa/setup", UNSAFE, look_at="auth.two_fa_status"),
    Route("auth.two_fa_enable", "POST", "/v1/auth/2fa/enable", UNSAFE, look_at="auth.two_fa_status"),
    Route("auth.two_fa_disable", "POST", "/v1/auth/2fa/disable", UNSAFE, look_at="auth.two_fa_status"),
    Route("auth.register", "POST", "/v1/auth/register", UNSAFE, auth=False, look_at="auth.login"),
    Route("auth.login", "POST", "/v1/auth/login", UNSAFE, auth=False),
    Route("auth.forgot_password", "POST", "/v1/auth/forgot-password", UNSAFE, auth=False),
    Route("auth.reset_password", "POST", "/v1/auth/reset-password", UNSAFE, auth=False, look_at="auth.login"),
    Route("auth.deactivate", "POST", "/v1/auth/deactivate", UNSAFE, look_at="auth.me"),

    Route("keys.create", "POST", "/v1/keys", UNSAFE, look_at="keys.list"),
    Route("keys.list", "GET", "/v1/keys", SAFE),
    Route("keys.revoke", "DELETE", "/v1/keys/{key_id}", IDEMPOTENT),
    Route("keys.update_spend_cap", "PATCH", "/v1/keys/{key_id}/spend-cap", IDEMPOTENT),
    Route("keys.update_alert_webhook", "PATCH", "/v1/keys/{key_id}/alert-webhook", IDEMPOTENT),
    Route("keys.update_geo_policy", "PATCH", "/v1/keys/{key_id}/geo-policy", IDEMPOTENT),

    Route("billing.balance", "GET", "/v1/billing/balance", SAFE),
    Route("billing.usage", "GET", "/v1/billing/usage", SAFE),
    Route("billing.get_plan", "GET", "/v1/billing/plan", SAFE),
    Route("billing.upgrade_hint", "GET", "/v1/billing/upgrade-hint", SAFE),
    Route("billing.checkout", "POST", "/v1/billing/checkout", KEYED),
    Route("billing.credit_grants", "GET", "/dashboard/billing/credit_grants", SAFE),
    Route("billing.total_usage", "GET", "/dashboard/billing/usage", SAFE),

    Route("organizations.create", "POST", "/v1/organizations", UNSAFE),
    Route("organizations.invite_member", "POST", "/v1/organizations/{org_id}/members", UNSAFE, look_at=MEMBERS),
    Route("organizations.list_members", "GET", "/v1/organizations/{org_id}/members", SAFE),
    Route("organizations.remove_member", "DELETE", "/v1/organizations/{org_id}/members/{user_id}", IDEMPOTENT),
    Route("organizations.transfer_owner", "POST", "/v1/organizations/{org_id}/transfer-owner", UNSAFE, look_at=MEMBERS),

    Route("feedback.submit", "POST", "/v1/feedback", UNSAFE, look_at="feedback.summary"),
    Route("feedback.summary", "GET", "/v1/feedback/summary", SAFE),

    Route("sub_accounts.list", "GET", "/api/v1/account/sub-account/list", SAFE),
    Route("sub_accounts.create", "POST", "/api/v1/account/sub-account/token", UNSAFE, look_at="sub_accounts.list"),
    Route("sub_accounts.update", "POST", "/api/v1/account/sub-account/token/info", IDEMPOTENT),
    Route("sub_accounts.delete", "DELETE", "/api/v1/account/sub-account/token", IDEMPOTENT),
)
# fmt: on

#: Every route by its name, as the service is believed to have them.
ROUTES: Final[Mapping[str, Route]] = MappingProxyType({route.name: route for route in _TABLE})


class RouteTable(Mapping[str, Route]):
    """
    The routes of one client: the table, with the lines that its user replaced.

    Args:
        overrides: Route name to ``"METHOD /path"``, with the same ``{ids}`` as the line it replaces.

    Raises:
        ConfigurationError: An unknown name, another form, or other ids than the line it replaces.
    """

    __slots__ = ("_routes",)

    def __init__(self, overrides: Mapping[str, str] | None = None) -> None:
        self._routes = dict(ROUTES)
        if overrides is not None and not isinstance(overrides, Mapping):
            example = '{"keys.create": "POST /v1/keys"}'
            raise ConfigurationError(f"route_overrides must be a mapping such as {example}")
        for name, line in (overrides or {}).items():
            self._routes[name] = _overridden(name, line)

    def path(self, name: str, ids: Mapping[str, str] | None = None) -> str:
        """
        The path of a route with its ids filled in, each percent-encoded whole: a slash in an id stays in its segment.

        Raises:
            ConfigurationError: An id is not text, is empty, or is ``.`` or ``..``, which would climb out of its place.
            KeyError: No such route, or an id is missing; a mistake of this library, not of its user.
        """
        route = self._routes[name]
        if not route.placeholders:
            return route.template
        given = ids or {}
        encoded = {key: quote(identifier(key, given[key]), safe="") for key in route.placeholders}
        return route.template.format_map(encoded)

    def __getitem__(self, name: str) -> Route:
        return self._routes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)


def _overridden(name: str, line: object) -> Route:
    old = ROUTES.get(name)
    if old is None:
        raise ConfigurationError(
            f"route_overrides: there is no route {shown_word(name)}. The routes are: {', '.join(ROUTES)}"
        )
    found = _FORM.fullmatch(line) if isinstance(line, str) else None
    if found is None or not DOT_SEGMENTS.isdisjoint(found[2].split("/")):
        raise ConfigurationError(
            f"route_overrides[{name!r}] must be a method and a path, such as {f'{old.method} {old.template}'!r}: "
            f"the method one of {', '.join(METHODS)}; the path without host, query, fragment, empty or dot segments"
        )
    new = attrs.evolve(old, method=found[1], template=found[2])
    if new.placeholders != old.placeholders:
        wanted = " and ".join(f"{{{key}}}" for key in sorted(old.placeholders))
        rule = f"must hold {wanted} and no other placeholder" if wanted else "must hold no placeholder"
        raise ConfigurationError(f"route_overrides[{name!r}] {rule}, as {old.template!r} does")
    return new
