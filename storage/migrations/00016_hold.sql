-- +goose Up

-- Where the database was when the hold began, so that a reading of the
-- provider's list is begun again where yet another server took over meanwhile;
-- and the readings in a row that lacked calls which had to be in them.
ALTER TABLE installation
    ADD COLUMN held_system   text,
    ADD COLUMN held_database bigint,
    ADD COLUMN held_timeline bigint,
    ADD COLUMN misses        int NOT NULL DEFAULT 0
        CONSTRAINT installation_misses_positive CHECK (misses >= 0),
    ADD COLUMN missed_at     timestamptz, -- when the last of them ended
    ADD COLUMN missing       int NOT NULL DEFAULT 0; -- how many calls that one lacked

-- What people decided about holds. A word is about one hold: about a later one
-- it says nothing.
CREATE TABLE installation_words (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        text NOT NULL CONSTRAINT installation_words_by_somebody CHECK (who <> ''),
    word       text NOT NULL
               CONSTRAINT installation_words_known CHECK (word IN ('adopt', 'adopt despite gap', 'despite missing')),
    held_for   text NOT NULL,
    held_since timestamptz NOT NULL
);

-- Since when a campaign is stopped; null where that was before this column. A
-- call that a held database forgot may be of somebody who has ended since.
ALTER TABLE campaigns ADD COLUMN stopped_at timestamptz;

-- Calls that a reading of the list gave an attempt are looked for in the next.
CREATE INDEX attempts_adopted ON attempts (start_time) WHERE adopted;
