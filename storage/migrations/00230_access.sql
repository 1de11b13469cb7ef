-- +goose Up

-- What programs name themselves with at the API. The token itself is not kept: it
-- has 256 random bits, so its hash says nothing of it. Rows are ended, never deleted.
CREATE TABLE access_tokens (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    name         text NOT NULL,          -- who acts, for the audit
    role         text NOT NULL,
    sha256       bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,            -- to the minute
    removed_at   timestamptz,
    CONSTRAINT access_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT access_tokens_name_length CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT access_tokens_role_known CHECK (role IN ('viewer', 'operator', 'admin')),
    CONSTRAINT access_tokens_sha256_once UNIQUE (sha256)
);
CREATE UNIQUE INDEX access_tokens_name_once ON access_tokens (name) WHERE removed_at IS NULL;

-- People who log in at the pages.
CREATE TABLE users (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    name       text NOT NULL,
    role       text NOT NULL,
    password   text NOT NULL,            -- argon2id, as $argon2id$v=19$m=...
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_name_length CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT users_role_known CHECK (role IN ('viewer', 'operator', 'admin'))
);
CREATE UNIQUE INDEX users_name_once ON users (name) WHERE removed_at IS NULL;

-- Who is logged in. A session's cookie is not kept either.
CREATE TABLE sessions (
    sha256     bytea NOT NULL,
    user_id    bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (sha256),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
