-- +goose Up

-- Which database this is, where it lived when it last dialed and how far it got,
-- so that a copy, a restored backup and a failover can be told from the database
-- itself. While it is held, the claim and the gate let no call through.
CREATE TABLE installation (
    one           boolean PRIMARY KEY DEFAULT true CONSTRAINT installation_one CHECK (one),
    id            uuid NOT NULL DEFAULT gen_random_uuid(),
    system_id     text,
    database_oid  bigint,
    timeline      bigint,
    marked_at     timestamptz,
    held_for      text CONSTRAINT installation_hold_known CHECK (held_for IN ('unwitnessed', 'failover', 'restored', 'copy')),
    held_since    timestamptz,
    known_until   timestamptz, -- the mark when it was held
    confirmed_at  timestamptz, -- a person said that this copy dials
    confirmed_by  text,
    readings      int NOT NULL DEFAULT 0,
    read_at       timestamptz,
    -- The least schema that a program must know to work here. A migration that
    -- older programs cannot work with raises it; every other one leaves it.
    needs_schema  bigint NOT NULL DEFAULT 0,
    held_system   text,
    held_database bigint,
    held_timeline bigint,
    misses        int NOT NULL DEFAULT 0 CONSTRAINT installation_misses_positive CHECK (misses >= 0),
    missed_at     timestamptz,
    missing       int NOT NULL DEFAULT 0,
    CONSTRAINT installation_held_whole
        CHECK ((held_for IS NULL) = (held_since IS NULL) AND (held_for IS NULL) = (known_until IS NULL)),
    CONSTRAINT installation_confirmed_by_somebody CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL)),
    CONSTRAINT installation_marked_where_it_lives CHECK ((database_oid IS NULL) = (marked_at IS NULL))
);
INSERT INTO installation DEFAULT VALUES;

-- What people decided about holds. A word is about one hold.
CREATE TABLE installation_words (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        text NOT NULL CONSTRAINT installation_words_by_somebody CHECK (who <> ''),
    word       text NOT NULL
               CONSTRAINT installation_words_known CHECK (word IN ('adopt', 'adopt despite gap', 'despite missing')),
    held_for   text NOT NULL,
    held_since timestamptz NOT NULL
);
