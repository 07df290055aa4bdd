"""The package of all models: what it exports, and what every one of them keeps to."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import attrs
import pytest

from nexevo_async import models
from nexevo_async._codec import decode, encode, structure
from nexevo_async.models._common import Model, declared

MODELS: list[type[Model]] = [
    found
    for name in models.__all__
    if inspect.isclass(found := getattr(models, name)) and issubclass(found, Model) and found is not Model
]

#: contract.md: what an answer must hold; everything else is optional.
REQUIRED = {
    "CreatedConversation": {"conversation_id"},
    "CreatedKey": {"key", "full_key"},
    "NewKey": {"key_id"},
    "CreatedOrganization": {"organization"},
    "Organization": {"org_id"},
    "Checkout": {"checkout_url"},
    "CreditGrants": {"total_available", "total_used"},
    "TotalUsage": {"total_usage"},
    "Success": {"success"},
    "ModelInfo": {"id"},
    "Embedding": {"index", "embedding"},
    "EmbeddingResponse": {"data"},
    "ModelPricing": {"model", "pricing_factor"},
    "SubAccount": {
        "id",
        "user_id",
        "token",
        "token_type",
        "alias",
        "enabled",
        "model_pricing",
        "balance",
        "monthly_cost",
        "created_at",
        "updated_at",
    },
}

#: Fields that never appear in a repr.
SECRET = {
    "CreatedKey.full_key",
    "Key.alert_webhook_url",
    "NewKey.alert_webhook_url",
    "SubAccount.token",
    "TwoFactorSetup.secret",
    "TwoFactorSetup.otpauth_url",
    "LoginSession.token",
    "LoginSession.access_token",
    "Checkout.checkout_url",
}

OURS = [cls for cls in MODELS if cls.__module__ != "nexevo_async.models.chat"]


def test_everything_exported_is_there_and_nothing_else() -> None:
    """Lazy names are found, listed, and unknown ones refused as by any module."""
    assert set(models.__all__) <= set(dir(models))
    assert "Key" in models.__all__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = models.Nothing  # type: ignore[attr-defined]  # that is the point


def test_importing_one_model_does_not_import_the_others() -> None:
    """A program pays only for the models it meets."""
    code = "import sys, nexevo_async.models as m; m.Key; print('nexevo_async.models.billing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("cls", OURS, ids=lambda cls: cls.__name__)
def test_only_documented_fields_are_required(cls: type[Model]) -> None:
    """An assumption about an answer must not stop anybody."""
    required = {field.name for field in declared(cls) if field.default is attrs.NOTHING}

    assert required == REQUIRED.get(cls.__name__, set())


@pytest.mark.parametrize("cls", OURS, ids=lambda cls: cls.__name__)
def test_every_field_is_documented(cls: type[Model]) -> None:
    """In the docstring of its own class, with the version that brought it."""
    text = inspect.getdoc(cls) or ""

    assert [field.name for field in declared(cls) if f"\n    {field.name}: " not in text] == []
    assert ".. versionadded:: 0.1.0" in text


def test_secrets_are_marked() -> None:
    """Exactly these fields are left out of the repr."""
    hidden = {f"{cls.__name__}.{field.name}" for cls in OURS for field in declared(cls) if not field.repr}

    assert hidden == SECRET


@pytest.mark.parametrize("cls", [cls for cls in OURS if cls.__name__ not in REQUIRED], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("answer", [{}, {"unheard_of": [1]}])
def test_an_undocumented_answer_is_never_refused(cls: type[Model], answer: dict[str, Any]) -> None:
    """Nothing, or something else altogether: it is kept."""
    made = decode(encode(answer), cls)

    assert made.to_dict() == structure(answer, cls).to_dict() == answer
    assert all(getattr(made, field.name) is None for field in declared(cls))
