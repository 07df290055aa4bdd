# Written by tools/write_raw.py from nexevo_async/resources; change those, and run: make generate
"""
What the methods give on `with_raw_response`, for type checkers.

At run time the raw view is a client like any other, so none of these classes is ever made; import them to write types.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Generator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol, Self, TypeVar, Unpack, overload

from nexevo_async._answers import RawResponse
from nexevo_async._sansio.policy import RetryPolicy
from nexevo_async._sansio.sse import MAX_EVENT_BYTES
from nexevo_async.batch.resource import Batch
from nexevo_async.config import ApiKey, Timeout
from nexevo_async.hooks import Hooks
from nexevo_async.models.account import LoginSession, Profile, TwoFactorSetup, TwoFactorStatus
from nexevo_async.models.acknowledgement import Acknowledgement, Success
from nexevo_async.models.billing import Balance, BillingUsage, Checkout, CreditGrants, Plan, TotalUsage, UpgradeAdvice
from nexevo_async.models.catalog import ModelInfo
from nexevo_async.models.chat import ChatCompletion
from nexevo_async.models.conversations import Conversation, ConversationMessage, CreatedConversation
from nexevo_async.models.embeddings import EmbeddingResponse
from nexevo_async.models.feedback import Feedback, FeedbackSummary
from nexevo_async.models.keys import CreatedKey, GeoPolicy, Key
from nexevo_async.models.organizations import CreatedOrganization, Member
from nexevo_async.models.sub_accounts import SubAccount
from nexevo_async.pagination import Page
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources._chat_request import Messages
from nexevo_async.resources.embeddings import EmbeddingInput
from nexevo_async.resources.endpoints import Endpoints
from nexevo_async.streaming import ChatStream, ChatStreamManager

T = TypeVar("T")


class RawPages(Protocol[T]):
    """A list that may span several pages, each of them an answer that is not read yet."""

    def __await__(self) -> Generator[Any, None, RawResponse[Page[T]]]:
        """The first answer."""
        ...

    def pages(self) -> AsyncIterator[RawResponse[Page[T]]]:
        """The answers page by page, from the first, each fetched when it is reached."""
        ...


class RawAsyncNexevo(Protocol):
    """Client of a Nexevo gateway."""

    def with_options(
        self,
        *,
        api_key: ApiKey | None = None,
        timeout: Timeout | float | None = None,
        max_retries: int | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        hooks: Hooks | Sequence[Hooks] | None = None,
    ) -> Self:
        """A view with other settings on the same connections and the same knowledge of the endpoints. Cheap."""
        ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, Any] | None = None,
        into: type[T] | None = None,
        timeout: Timeout | float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> RawResponse[T]:
        """Call any path with the same failover, retries and errors as the methods have."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether the client (for a view: the client it came from) has been closed."""
        ...

    @property
    def chat(self) -> RawChat:
        """Everything about chats."""
        ...

    @property
    def models(self) -> RawModels:
        """The models that can be asked, aliases such as ``nexevo/balanced`` included."""
        ...

    @property
    def embeddings(self) -> RawEmbeddings:
        """Turn texts into vectors."""
        ...

    @property
    def conversations(self) -> RawConversations:
        """Conversations that the service keeps. Storing and chatting are apart: nothing here calls a model."""
        ...

    @property
    def auth(self) -> RawAuth:
        """Profile, password, second factor, registration."""
        ...

    @property
    def keys(self) -> RawKeys:
        """Hand out API keys and take them back."""
        ...

    @property
    def billing(self) -> RawBilling:
        """Balance, usage, plan and top-ups. Every amount is a `Decimal`."""
        ...

    @property
    def organizations(self) -> RawOrganizations:
        """Organizations and their members: one owner, and admins and developers."""
        ...

    @property
    def feedback(self) -> RawFeedbackResource:
        """Feedback on generations."""
        ...

    @property
    def sub_accounts(self) -> RawSubAccounts:
        """Sub-accounts of the platform. Only the key of the main account may call this."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """Look at the base URLs, and ask now what the background asks every few minutes."""
        ...

    @property
    def batch(self) -> Batch[RawAsyncNexevo]:
        """Run one function over many items, a bounded number at once."""
        ...


class RawAuth(Protocol):
    """Profile, password, second factor, registration."""

    async def me(self, **options: Unpack[CallOptions]) -> RawResponse[Profile]:
        """Tell whose account it is."""
        ...

    async def update_profile(self, *, full_name: str, **options: Unpack[CallOptions]) -> RawResponse[Profile]:
        """Change the name."""
        ...

    async def change_password(
        self, *, current_password: str, new_password: str, **options: Unpack[CallOptions]
    ) -> RawResponse[Acknowledgement]:
        """Change the password."""
        ...

    async def two_fa_status(self, **options: Unpack[CallOptions]) -> RawResponse[TwoFactorStatus]:
        """Tell whether logging in needs a code."""
        ...

    async def two_fa_setup(self, **options: Unpack[CallOptions]) -> RawResponse[TwoFactorSetup]:
        """Get a secret for an authenticator app. It counts once `two_fa_enable` has confirmed it with a code."""
        ...

    async def two_fa_enable(self, code: str, **options: Unpack[CallOptions]) -> RawResponse[TwoFactorStatus]:
        """Turn the second factor on."""
        ...

    async def two_fa_disable(self, code: str, **options: Unpack[CallOptions]) -> RawResponse[TwoFactorStatus]:
        """Turn the second factor off."""
        ...

    async def register(
        self, *, email: str, password: str, full_name: str | None = None, **options: Unpack[CallOptions]
    ) -> RawResponse[Profile]:
        """Make an account. Sent without the key."""
        ...

    async def login(
        self, *, email: str, password: str, code: str | None = None, **options: Unpack[CallOptions]
    ) -> RawResponse[LoginSession]:
        """Trade a password for a token. Sent without the key."""
        ...

    async def forgot_password(self, email: str, **options: Unpack[CallOptions]) -> RawResponse[Acknowledgement]:
        """Have a reset token mailed. Sent without the key."""
        ...

    async def reset_password(
        self, *, token: str, new_password: str, **options: Unpack[CallOptions]
    ) -> RawResponse[Acknowledgement]:
        """Set a new password with a reset token. Sent without the key."""
        ...

    async def deactivate(self, password: str, **options: Unpack[CallOptions]) -> RawResponse[Acknowledgement]:
        """Delete the account with its data, and its keys with it. There is no way back."""
        ...


class RawBilling(Protocol):
    """Balance, usage, plan and top-ups. Every amount is a `Decimal`."""

    async def balance(self, **options: Unpack[CallOptions]) -> RawResponse[Balance]:
        """Tell what the account holds."""
        ...

    async def usage(self, days: int | None = None, **options: Unpack[CallOptions]) -> RawResponse[BillingUsage]:
        """Tell what was used, by day and by tier."""
        ...

    async def get_plan(self, **options: Unpack[CallOptions]) -> RawResponse[Plan]:
        """Tell the plan of the account."""
        ...

    async def upgrade_hint(self, **options: Unpack[CallOptions]) -> RawResponse[UpgradeAdvice]:
        """Ask whether another plan would be cheaper. Without a better plan the ``hint`` is None or empty."""
        ...

    async def checkout(
        self, *, amount_usd: Decimal | str | int, idempotency_key: str, **options: Unpack[CallOptions]
    ) -> RawResponse[Checkout]:
        """Top the account up. The answer holds the address to pay at."""
        ...

    async def credit_grants(self, **options: Unpack[CallOptions]) -> RawResponse[CreditGrants]:
        """Tell the totals of the account, this month. Documented for CloseAI; rate-limited, so do not ask often."""
        ...

    async def total_usage(
        self, *, start_date: date | str, end_date: date | str, **options: Unpack[CallOptions]
    ) -> RawResponse[TotalUsage]:
        """Tell what was used between two days. Documented for CloseAI; rate-limited, so do not ask often."""
        ...


class RawChat(Protocol):
    """Everything about chats."""

    @property
    def completions(self) -> RawChatCompletions:
        """Let a model answer messages."""
        ...


class RawChatCompletions(Protocol):
    """Let a model answer messages."""

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
    ) -> RawResponse[ChatCompletion]: ...

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
    ) -> ChatStream: ...

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
    ) -> RawResponse[ChatCompletion] | ChatStream: ...

    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **call_options: Unpack[CallOptions],
    ) -> RawResponse[ChatCompletion] | ChatStream:
        """Ask a model for an answer."""
        ...

    def stream(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n: int | None = None,
        stream_options: Mapping[str, Any] | None = None,
        user: str | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        logit_bias: Mapping[str, float] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        max_completion_tokens: int | None = None,
        reasoning_effort: str | None = None,
        models: Sequence[str] | None = None,
        max_price: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        max_event_bytes: int = MAX_EVENT_BYTES,
        **call_options: Unpack[CallOptions],
    ) -> ChatStreamManager:
        """Ask a model for an answer that arrives as it is made."""
        ...


class RawConversations(Protocol):
    """Conversations that the service keeps. Storing and chatting are apart: nothing here calls a model."""

    async def create(
        self, *, title: str | None = None, metadata: Mapping[str, Any] | None = None, **options: Unpack[CallOptions]
    ) -> RawResponse[CreatedConversation]:
        """Make a conversation."""
        ...

    def list(self, *, limit: int | None = None, **options: Unpack[CallOptions]) -> RawPages[Conversation]:
        """List the conversations, on one page."""
        ...

    async def get(self, conversation_id: str, **options: Unpack[CallOptions]) -> RawResponse[Conversation]:
        """Read a conversation with its messages."""
        ...

    async def update(
        self,
        conversation_id: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> RawResponse[Conversation]:
        """Change the title or the metadata."""
        ...

    async def delete(self, conversation_id: str, **options: Unpack[CallOptions]) -> RawResponse[Acknowledgement]:
        """Delete a conversation with its messages."""
        ...

    async def append_message(
        self,
        conversation_id: str,
        *,
        role: Literal["user", "assistant", "system", "tool"],
        content: str,
        **options: Unpack[CallOptions],
    ) -> RawResponse[ConversationMessage]:
        """Store a message at the end of a conversation. No model is called."""
        ...


class RawEmbeddings(Protocol):
    """Turn texts into vectors."""

    async def create(
        self,
        *,
        model: str,
        input: EmbeddingInput,
        dimensions: int | None = None,
        encoding_format: Literal["float", "base64"] | None = None,
        user: str | None = None,
        **options: Unpack[CallOptions],
    ) -> RawResponse[EmbeddingResponse]:
        """Make one vector for each input."""
        ...


class RawFeedbackResource(Protocol):
    """Feedback on generations."""

    async def submit(
        self,
        *,
        generation_id: str,
        rating: Literal[1, -1],
        comment: str | None = None,
        tags: Collection[str] | None = None,
        **options: Unpack[CallOptions],
    ) -> RawResponse[Feedback]:
        """Say whether an answer was good."""
        ...

    async def summary(self, days: int | None = None, **options: Unpack[CallOptions]) -> RawResponse[FeedbackSummary]:
        """Tell how much of the feedback was good."""
        ...


class RawKeys(Protocol):
    """Hand out API keys and take them back."""

    async def create(self, name: str, **options: Unpack[CallOptions]) -> RawResponse[CreatedKey]:
        """Make a new key."""
        ...

    def list(self, **options: Unpack[CallOptions]) -> RawPages[Key]:
        """List the keys, without their secrets, on one page."""
        ...

    async def revoke(self, key_id: str, **options: Unpack[CallOptions]) -> RawResponse[Acknowledgement]:
        """Take a key back, for good."""
        ...

    async def update_spend_cap(
        self,
        key_id: str,
        *,
        monthly_spend_cap_usd: Decimal | str | int | None = None,
        clear: bool = False,
        **options: Unpack[CallOptions],
    ) -> RawResponse[Key]:
        """Cap what a key may spend in a calendar month, or lift the cap. Exactly one of the two arguments is needed."""
        ...

    async def update_alert_webhook(
        self, key_id: str, url: str | None, **options: Unpack[CallOptions]
    ) -> RawResponse[Key]:
        """Set where alerts about the spending of a key go."""
        ...

    async def update_geo_policy(
        self, key_id: str, geo_policy: GeoPolicy, **options: Unpack[CallOptions]
    ) -> RawResponse[Key]:
        """Set where the requests of a key may be served."""
        ...


class RawModels(Protocol):
    """The models that can be asked, aliases such as ``nexevo/balanced`` included."""

    def list(self, **options: Unpack[CallOptions]) -> RawPages[ModelInfo]:
        """List the models, on one page."""
        ...

    async def get(self, model_id: str, **options: Unpack[CallOptions]) -> RawResponse[ModelInfo]:
        """Look one model up."""
        ...


class RawOrganizations(Protocol):
    """Organizations and their members: one owner, and admins and developers."""

    async def create(self, name: str, **options: Unpack[CallOptions]) -> RawResponse[CreatedOrganization]:
        """Make an organization. The account becomes its owner."""
        ...

    async def invite_member(
        self, org_id: str, *, email: str, role: Literal["admin", "developer"], **options: Unpack[CallOptions]
    ) -> RawResponse[Member]:
        """Invite somebody."""
        ...

    def list_members(self, org_id: str, **options: Unpack[CallOptions]) -> RawPages[Member]:
        """List the members, on one page."""
        ...

    async def remove_member(
        self, org_id: str, user_id: str, **options: Unpack[CallOptions]
    ) -> RawResponse[Acknowledgement]:
        """Remove a member. The owner cannot be removed."""
        ...

    async def transfer_owner(
        self, org_id: str, new_owner_user_id: str, **options: Unpack[CallOptions]
    ) -> RawResponse[Acknowledgement]:
        """Hand the organization over to one of its members."""
        ...


class RawSubAccounts(Protocol):
    """Sub-accounts of the platform. Only the key of the main account may call this."""

    def list(
        self,
        *,
        alias: str | None = None,
        sk: str | None = None,
        page: int | None = None,
        page_size: int | None = None,
        **options: Unpack[CallOptions],
    ) -> RawPages[SubAccount]:
        """List sub-accounts. Iterating fetches page after page; awaiting gives the first."""
        ...

    async def create(
        self,
        *,
        alias: str,
        balance: Decimal | str | int,
        model_pricing: Sequence[Mapping[str, Any]],
        count: int = 1,
        **options: Unpack[CallOptions],
    ) -> RawResponse[Page[SubAccount]]:
        """Make sub-accounts. Their keys are in the answer (``page[0].token``)."""
        ...

    async def update(
        self,
        sks: Collection[str],
        *,
        model_pricing: Sequence[Mapping[str, Any]],
        alias: str | None = None,
        **options: Unpack[CallOptions],
    ) -> RawResponse[Success]:
        """Change sub-accounts."""
        ...

    async def delete(self, sks: Collection[str], **options: Unpack[CallOptions]) -> RawResponse[Success]:
        """Delete sub-accounts. Their keys stop working."""
        ...
