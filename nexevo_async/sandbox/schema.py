"""The tables of the sandbox's state. Amounts are whole nano-dollars, times ISO 8601 text in UTC of fixed width."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""Version of the schema below, kept in the file as `user_version`."""

APPLICATION_ID: Final = 0x4E58564F
"""Marks a file as ours (`NXVO`), kept in the file as `application_id`."""

TABLES: Final = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL);

CREATE TABLE users (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    full_name TEXT,
    password TEXT,                              -- scrypt; NULL: invited, not registered yet
    totp_secret TEXT,
    totp_enabled INTEGER NOT NULL DEFAULT 0,
    plan TEXT NOT NULL DEFAULT 'payg',
    balance INTEGER NOT NULL DEFAULT 0,         -- always the sum of the user's own ledger entries
    created_at TEXT NOT NULL
);
CREATE TABLE logins (
    token_hash BLOB PRIMARY KEY,
    login_id TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
);
CREATE TABLE resets (
    token_hash BLOB PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
);
CREATE TABLE keys (
    key_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,                         -- first and last characters, to recognise it by
    monthly_spend_cap INTEGER,
    alert_webhook_url TEXT,
    geo_policy TEXT NOT NULL DEFAULT 'any',
    created_at TEXT NOT NULL,
    revoked_at TEXT
);
CREATE INDEX keys_by_user ON keys (user_id);
CREATE TABLE sub_accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    token TEXT NOT NULL UNIQUE,                 -- readable: the platform lists it again, see contract section 5
    alias TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    model_pricing TEXT NOT NULL,                -- JSON object: model to pricing factor as decimal text
    balance INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE spend (                            -- per key ("key_...", "sub-...") and month ("2026-01")
    key_id TEXT NOT NULL,
    month TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (key_id, month)
) WITHOUT ROWID;
CREATE TABLE ledger (                           -- append only; sub_account_id NULL: the user's own balance
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    sub_account_id INTEGER,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    reference TEXT,
    created_at TEXT NOT NULL
);
CREATE TABLE checkouts (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    idempotency_key TEXT NOT NULL,
    checkout_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (user_id, idempotency_key)
);
CREATE TABLE generations (
    generation_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    key_id TEXT NOT NULL,
    conversation_id TEXT,
    model TEXT NOT NULL,
    tier TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX generations_by_time ON generations (user_id, created_at);
CREATE TABLE conversations (
    conversation_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    title TEXT,
    metadata TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX conversations_by_user ON conversations (user_id);
CREATE TABLE messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (conversation_id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX messages_by_conversation ON messages (conversation_id);
CREATE TABLE organizations (
    org_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE members (
    org_id TEXT NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'developer')),
    joined_at TEXT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE UNIQUE INDEX one_owner ON members (org_id) WHERE role = 'owner';
CREATE TABLE feedback (
    feedback_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    generation_id TEXT NOT NULL REFERENCES generations (generation_id) ON DELETE CASCADE,
    rating INTEGER NOT NULL CHECK (rating IN (-1, 1)),
    comment TEXT,
    tags TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX feedback_by_user ON feedback (user_id, created_at);
"""
