-- +goose Up

-- Calls of people who rang back and heard their latest message again. Such a call is
-- no attempt: nobody was called.
CREATE TABLE inbound_calls (
    id                uuid NOT NULL,        -- rides in the addresses of its inputs
    call_uuid         text NOT NULL,
    conversation_uuid text,
    from_number       text NOT NULL,        -- the person's, E.164 digits
    to_number         text,                 -- ours
    contact_id        bigint NOT NULL,
    attempt_id        uuid NOT NULL,        -- whose message is heard
    received_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    heard_at          timestamptz,          -- when the message was played to its end
    keys              text[] NOT NULL DEFAULT '{}', -- that were pressed, by turn
    result            text,                 -- the word of the last key that has one
    CONSTRAINT inbound_calls_pkey PRIMARY KEY (id),
    CONSTRAINT inbound_calls_once UNIQUE (call_uuid),
    CONSTRAINT inbound_calls_contact FOREIGN KEY (contact_id) REFERENCES contacts (id),
    CONSTRAINT inbound_calls_attempt FOREIGN KEY (attempt_id) REFERENCES attempts (id)
);
CREATE INDEX inbound_calls_of_contact ON inbound_calls (contact_id);
