"""
Every answer of the service as a class.

Names are imported when they are first used, so that a program pays only for the models it meets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nexevo_async.models._common import Model as Model
    from nexevo_async.models.account import LoginSession as LoginSession
    from nexevo_async.models.account import Profile as Profile
    from nexevo_async.models.account import TwoFactorSetup as TwoFactorSetup
    from nexevo_async.models.account import TwoFactorStatus as TwoFactorStatus
    from nexevo_async.models.acknowledgement import Acknowledgement as Acknowledgement
    from nexevo_async.models.acknowledgement import Success as Success
    from nexevo_async.models.billing import Balance as Balance
    from nexevo_async.models.billing import BillingUsage as BillingUsage
    from nexevo_async.models.billing import Checkout as Checkout
    from nexevo_async.models.billing import CreditGrants as CreditGrants
    from nexevo_async.models.billing import Plan as Plan
    from nexevo_async.models.billing import TotalUsage as TotalUsage
    from nexevo_async.models.billing import UpgradeAdvice as UpgradeAdvice
    from nexevo_async.models.billing import UpgradeHint as UpgradeHint
    from nexevo_async.models.catalog import ModelInfo as ModelInfo
    from nexevo_async.models.chat import ChatCompletion as ChatCompletion
    from nexevo_async.models.chat import ChatCompletionChunk as ChatCompletionChunk
    from nexevo_async.models.chat import Choice as Choice
    from nexevo_async.models.chat import ChunkChoice as ChunkChoice
    from nexevo_async.models.chat import Delta as Delta
    from nexevo_async.models.chat import FinishReason as FinishReason
    from nexevo_async.models.chat import FunctionCall as FunctionCall
    from nexevo_async.models.chat import FunctionCallDelta as FunctionCallDelta
    from nexevo_async.models.chat import Logprobs as Logprobs
    from nexevo_async.models.chat import Message as Message
    from nexevo_async.models.chat import NexevoInfo as NexevoInfo
    from nexevo_async.models.chat import Role as Role
    from nexevo_async.models.chat import TokenDetails as TokenDetails
    from nexevo_async.models.chat import TokenLogprob as TokenLogprob
    from nexevo_async.models.chat import ToolCall as ToolCall
    from nexevo_async.models.chat import ToolCallDelta as ToolCallDelta
    from nexevo_async.models.chat import TopLogprob as TopLogprob
    from nexevo_async.models.chat import Usage as Usage
    from nexevo_async.models.conversations import Conversation as Conversation
    from nexevo_async.models.conversations import ConversationMessage as ConversationMessage
    from nexevo_async.models.conversations import CreatedConversation as CreatedConversation
    from nexevo_async.models.conversations import MessageRole as MessageRole
    from nexevo_async.models.embeddings import Embedding as Embedding
    from nexevo_async.models.embeddings import EmbeddingResponse as EmbeddingResponse
    from nexevo_async.models.embeddings import EmbeddingUsage as EmbeddingUsage
    from nexevo_async.models.endpoints import Endpoint as Endpoint
    from nexevo_async.models.endpoints import EndpointStatus as EndpointStatus
    from nexevo_async.models.feedback import Feedback as Feedback
    from nexevo_async.models.feedback import FeedbackSummary as FeedbackSummary
    from nexevo_async.models.keys import CreatedKey as CreatedKey
    from nexevo_async.models.keys import GeoPolicy as GeoPolicy
    from nexevo_async.models.keys import Key as Key
    from nexevo_async.models.keys import NewKey as NewKey
    from nexevo_async.models.limits import RateLimits as RateLimits
    from nexevo_async.models.organizations import CreatedOrganization as CreatedOrganization
    from nexevo_async.models.organizations import Member as Member
    from nexevo_async.models.organizations import Organization as Organization
    from nexevo_async.models.organizations import OrganizationRole as OrganizationRole
    from nexevo_async.models.sub_accounts import ModelPricing as ModelPricing
    from nexevo_async.models.sub_accounts import SubAccount as SubAccount

#: Where each public name lives.
_HOMES = {
    "Acknowledgement": "acknowledgement",
    "Balance": "billing",
    "BillingUsage": "billing",
    "ChatCompletion": "chat",
    "ChatCompletionChunk": "chat",
    "Checkout": "billing",
    "Choice": "chat",
    "ChunkChoice": "chat",
    "Conversation": "conversations",
    "ConversationMessage": "conversations",
    "CreatedConversation": "conversations",
    "CreatedKey": "keys",
    "CreatedOrganization": "organizations",
    "CreditGrants": "billing",
    "Delta": "chat",
    "Embedding": "embeddings",
    "EmbeddingResponse": "embeddings",
    "EmbeddingUsage": "embeddings",
    "Endpoint": "endpoints",
    "EndpointStatus": "endpoints",
    "Feedback": "feedback",
    "FeedbackSummary": "feedback",
    "FinishReason": "chat",
    "FunctionCall": "chat",
    "FunctionCallDelta": "chat",
    "GeoPolicy": "keys",
    "Key": "keys",
    "LoginSession": "account",
    "Logprobs": "chat",
    "Member": "organizations",
    "Message": "chat",
    "MessageRole": "conversations",
    "Model": "_common",
    "ModelInfo": "catalog",
    "ModelPricing": "sub_accounts",
    "NewKey": "keys",
    "NexevoInfo": "chat",
    "Organization": "organizations",
    "OrganizationRole": "organizations",
    "Plan": "billing",
    "Profile": "account",
    "RateLimits": "limits",
    "Role": "chat",
    "SubAccount": "sub_accounts",
    "Success": "acknowledgement",
    "TokenDetails": "chat",
    "TokenLogprob": "chat",
    "ToolCall": "chat",
    "ToolCallDelta": "chat",
    "TopLogprob": "chat",
    "TotalUsage": "billing",
    "TwoFactorSetup": "account",
    "TwoFactorStatus": "account",
    "UpgradeAdvice": "billing",
    "UpgradeHint": "billing",
    "Usage": "chat",
}

__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found  # the next look-up does not come here
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
