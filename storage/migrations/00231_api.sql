-- +goose Up

-- What became of an import's rows: app.ImportResult. Null while it goes on, and for
-- the contacts that come one by one.
ALTER TABLE imports ADD COLUMN result jsonb;

-- Answers to requests with an Idempotency-Key. The same request with the same key
-- gets the same answer.
CREATE TABLE api_answers (
    actor      text NOT NULL,
    key        text NOT NULL,
    request    bytea NOT NULL,        -- a hash of method, path and body
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    status     int,                   -- null: the request is being served, or its process died
    header     jsonb,
    body       bytea,
    CONSTRAINT api_answers_pkey PRIMARY KEY (actor, key)
);
CREATE INDEX api_answers_by_time ON api_answers (claimed_at);
