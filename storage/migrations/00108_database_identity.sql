-- +goose Up

-- Which database this is, where it lived when it last dialed and how far it got.
-- So a copy, a restored backup and a failover can be told from the database
-- itself. While it is locked, the rule lets no call through.
CREATE TABLE database_identity (
    one             boolean NOT NULL DEFAULT true,
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    system_id       text,                       -- where it lived; what the server does not tell is null
    database_oid    bigint,
    timeline        bigint,
    checkpoint_at   timestamptz,                -- how far it got, by its own clock; a copy is kept in Redis
    -- The least schema that a program must know to work here. A migration that
    -- older programs cannot work with raises it; every other one leaves it.
    needs_schema    bigint NOT NULL DEFAULT 0,

    -- The dial lock.
    locked_for      text,
    locked_at       timestamptz,
    known_until     timestamptz,                -- the checkpoint when it was locked: later calls may be forgotten
    locked_system   text,                       -- where it was when it was locked, or released
    locked_database bigint,
    locked_timeline bigint,
    released_at     timestamptz,                -- a person said that this copy dials
    released_by     text,
    scans           int NOT NULL DEFAULT 0,     -- scans since then that count
    scanned_at      timestamptz,
    misses          int NOT NULL DEFAULT 0,     -- scans in a row that lacked calls, and count for nothing
    missed_at       timestamptz,
    missing         int NOT NULL DEFAULT 0,     -- how many the last one lacked
    accepted_at     timestamptz,                -- a person said that scans count which lack no more than that
    CONSTRAINT database_identity_pkey PRIMARY KEY (one),
    CONSTRAINT database_identity_one CHECK (one),
    CONSTRAINT database_identity_lock_known CHECK (locked_for IN ('no_external_mark', 'failover', 'restored', 'copy')),
    CONSTRAINT database_identity_locked_whole
        CHECK ((locked_for IS NULL) = (locked_at IS NULL) AND (locked_for IS NULL) = (known_until IS NULL)),
    CONSTRAINT database_identity_released_by_somebody CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CONSTRAINT database_identity_accepted_what_lacks CHECK (accepted_at IS NULL OR misses > 0 OR scans > 0),
    CONSTRAINT database_identity_misses_positive CHECK (misses >= 0),
    CONSTRAINT database_identity_checkpoint_where_it_lives CHECK ((database_oid IS NULL) = (checkpoint_at IS NULL))
);
INSERT INTO database_identity DEFAULT VALUES;
