"""
The public surface: its names as a list that a change must touch, and docstrings that agree with the code.

Both packages are looked at, as soon as there are two.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import nexevo_async
from nexevo_async import errors, models
from tools.write_reference import parse

NAMES = """
    APIConnectionError APIResponseValidationError APIStatusError APITimeoutError AsyncNexevo AttemptStart
    AuthenticationError BadRequestError BatchRow ChatStream ClientClosedError ConfigurationError ConflictError Endpoint
    EndpointChange EndpointStatus HealthPolicy Hooks InsufficientBalanceError InternalServerError NexevoError
    NotAnAPIResponseError NotFoundError OutcomeUnknownError Page Pages PermissionDeniedError QuotaExceededError
    RateLimitError RateLimits RawResponse RetryPolicy StreamError StreamTruncatedError Timeout
    UnprocessableEntityError
"""

MODELS = """
    Acknowledgement Balance BillingUsage ChatCompletion ChatCompletionChunk Checkout Choice ChunkChoice Conversation
    ConversationMessage CreatedConversation CreatedKey CreatedOrganization CreditGrants Delta Embedding
    EmbeddingResponse EmbeddingUsage Endpoint EndpointStatus Feedback FeedbackSummary FinishReason FunctionCall
    FunctionCallDelta GeoPolicy Key LoginSession Logprobs Member Message MessageRole Model ModelInfo ModelPricing NewKey
    NexevoInfo Organization OrganizationRole Plan Profile RateLimits Role SubAccount Success TokenDetails TokenLogprob
    ToolCall ToolCallDelta TopLogprob TotalUsage TwoFactorSetup TwoFactorStatus UpgradeAdvice UpgradeHint Usage
"""

RESOURCES = {
    "auth": "change_password deactivate forgot_password login me register reset_password two_fa_disable two_fa_enable "
    "two_fa_setup two_fa_status update_profile",
    "batch": "map",
    "billing": "balance checkout credit_grants get_plan total_usage upgrade_hint usage",
    "chat.completions": "create stream",
    "conversations": "append_message create delete get list update",
    "embeddings": "create",
    "endpoints": "check refresh snapshot",
    "feedback": "submit summary",
    "keys": "create list revoke update_alert_webhook update_geo_policy update_spend_cap",
    "models": "get list",
    "organizations": "create invite_member list_members remove_member transfer_owner",
    "sub_accounts": "create delete list update",
}

#: Errors of Python's own that a `Raises` section may name.
PYTHON_ERRORS = {"ValueError", "TypeError", "RuntimeError", "OSError", "KeyError", "ImportError", "StoreError"}

SYNC = importlib.util.find_spec("nexevo_sync.client") is not None


def test_the_package_exports_these_names() -> None:
    assert sorted(nexevo_async.__all__) == sorted(NAMES.split())


def test_the_models_export_these_names() -> None:
    assert sorted(models.__all__) == sorted(MODELS.split())


@pytest.mark.skipif(not SYNC, reason="nexevo_sync is not generated yet")
def test_the_sync_package_exports_the_same_names_but_for_its_client() -> None:
    sync = importlib.import_module("nexevo_sync")
    assert set(sync.__all__) - {"Nexevo"} >= set(NAMES.split()) - {"AsyncNexevo"}


def test_every_exported_name_can_be_imported_and_is_listed() -> None:
    for package in (nexevo_async, models):
        assert set(package.__all__) <= set(dir(package))
        assert all(getattr(package, name) is not None for name in package.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nexxevo'"):
        nexevo_async.Nexxevo  # noqa: B018 - looking is what is tested


async def test_the_client_has_these_resources_and_methods() -> None:
    async with nexevo_async.AsyncNexevo("sk-xc-test", base_url="http://127.0.0.1:9") as client:
        for path, methods in RESOURCES.items():
            resource = client
            for name in path.split("."):
                resource = getattr(resource, name)
            public = {name for name, _ in inspect.getmembers(resource, callable) if not name.startswith("_")}
            assert public == set(methods.split()), path


def public_classes() -> Iterator[type]:
    """Every class that users meet: exported ones, those of the client's attributes, and those that methods return."""
    for package in (nexevo_async, models):
        yield from (found for name in package.__all__ if inspect.isclass(found := getattr(package, name)))
    for module in ("batch", "streaming", "pagination", "sandbox"):
        home = importlib.import_module(f"nexevo_async.{module}")
        yield from (getattr(home, name) for name in home.__all__)
    for name in ("_base", *(path.split(".")[0] for path in RESOURCES if path != "batch")):
        home = importlib.import_module(f"nexevo_async.resources.{name}")
        yield from (
            found
            for found in vars(home).values()
            if inspect.isclass(found) and found.__module__ == home.__name__ and found.__name__ != "Resource"
        )


def sync_classes() -> Iterator[type]:
    if SYNC:
        sync = importlib.import_module("nexevo_sync")
        yield from (found for name in sync.__all__ if inspect.isclass(found := getattr(sync, name)))


CLASSES = list(dict.fromkeys([*public_classes(), *sync_classes()]))


def functions(cls: type) -> Iterator[tuple[str, Any]]:
    """The public methods that a class defines itself."""
    for name, member in vars(cls).items():
        method = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if inspect.isfunction(method) and not name.startswith("_"):
            yield f"{cls.__name__}.{name}", method


METHODS = dict(method for cls in CLASSES for method in functions(cls))
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")


@each_class
def test_everything_public_has_a_docstring(cls: type) -> None:
    properties = {name: found for name, found in vars(cls).items() if isinstance(found, property) and name[0] != "_"}
    bare = [name for name, found in {**dict(functions(cls)), **properties}.items() if not found.__doc__]
    assert bare == []
    assert cls.__doc__
    assert inspect.cleandoc(cls.__doc__).splitlines()[0].strip()


@each_class
def test_everything_public_says_since_when(cls: type) -> None:
    """A class says it for its members; a class that does not has members that all say it themselves."""
    if parse(cls.__doc__).since:
        return
    silent = [name for name, method in functions(cls) if not parse(method.__doc__).since]
    assert silent == []
    assert list(functions(cls)) or cls.__name__ == "Chat"  # which only holds `completions`


def arguments_wrongly_described(method: Any) -> set[str]:
    """Arguments that are described and not taken, or taken and not described."""
    described = parse(method.__doc__).sections.get("Args", {})
    taken = set(inspect.signature(method).parameters) - {"self", "cls"}
    partly = not described or "that are not described here" in described.get("messages", "")
    return set(described) - taken if partly else set(described) ^ taken


def test_documented_arguments_are_those_of_the_signature() -> None:
    assert {name: wrong for name, method in METHODS.items() if (wrong := arguments_wrongly_described(method))} == {}


@each_class
def test_documented_arguments_of_a_class_are_those_of_its_constructor(cls: type) -> None:
    described = set(parse(cls.__doc__).sections.get("Args", ()))
    if described:
        assert described == set(inspect.signature(cls).parameters)


@each_class
def test_documented_attributes_are_all_there_are(cls: type) -> None:
    described = set(parse(cls.__doc__).sections.get("Attributes", ()))
    if not described or not attrs.has(cls):
        return
    fields = {field.name for field in attrs.fields(cls) if not field.name.startswith("_")}
    assert described - fields <= set(dir(cls)), "describes what it does not have"
    if issubclass(cls, models.Model):
        assert fields <= described, "leaves fields out"


def test_documented_errors_exist() -> None:
    ours = {name for name, found in vars(errors).items() if inspect.isclass(found) and issubclass(found, BaseException)}
    documented = {
        thing.__qualname__: parse(thing.__doc__).sections.get("Raises", {}) for thing in [*CLASSES, *METHODS.values()]
    }
    unknown = {name: set(raised) - ours - PYTHON_ERRORS for name, raised in documented.items()}
    assert {name: odd for name, odd in unknown.items() if odd} == {}


def test_every_error_is_exported_and_drawn_in_the_tree() -> None:
    classes = {name for name, found in vars(errors).items() if inspect.isclass(found) and issubclass(found, Exception)}
    assert classes <= set(nexevo_async.__all__)
    assert classes == set(re.findall(r"\b[A-Z]\w+Error\b", (errors.__doc__ or "").replace("ValueError", ""))) - {
        "RuntimeError",
        "TimeoutError",
    }
