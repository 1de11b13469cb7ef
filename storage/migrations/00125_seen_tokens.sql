-- +goose Up

-- The tokens of webhooks that were received and are not too old yet. A token
-- that comes again is a repeat, or forged if the request is another one. The
-- sweeper drops those that are refused for their age anyway.
CREATE TABLE seen_tokens (
    token      bytea NOT NULL,           -- SHA-256 of its jti, or of all that was signed if it has none
    request    bytea NOT NULL,           -- SHA-256 of the request's address and body
    expires_at timestamptz NOT NULL,     -- from then on the token is refused for its age
    CONSTRAINT seen_tokens_pkey PRIMARY KEY (token),
    CONSTRAINT seen_tokens_hashes CHECK (length(token) = 32 AND length(request) = 32)
);

CREATE INDEX seen_tokens_by_expiry ON seen_tokens (expires_at);
