-- +goose Up

-- Recordings that Vonage made of a call, and keeps for 30 days. The address alone
-- opens nothing: it is fetched with the application's key.
CREATE TABLE recordings (
    url          text NOT NULL,
    recording_id text,              -- Vonage's
    attempt_id   uuid,              -- null: of a call that came in
    inbound_id   uuid,
    started_at   timestamptz,
    ended_at     timestamptz,
    duration_s   integer,
    bytes        bigint,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT recordings_pkey PRIMARY KEY (url),
    CONSTRAINT recordings_attempt FOREIGN KEY (attempt_id) REFERENCES attempts (id),
    CONSTRAINT recordings_inbound FOREIGN KEY (inbound_id) REFERENCES inbound_calls (id),
    CONSTRAINT recordings_of_a_call CHECK (num_nonnulls(attempt_id, inbound_id) = 1)
);
CREATE INDEX recordings_of_attempt ON recordings (attempt_id);
CREATE INDEX recordings_of_inbound ON recordings (inbound_id);
