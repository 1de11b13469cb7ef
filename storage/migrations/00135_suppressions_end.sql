-- +goose Up

-- A suppression that was lifted or replaced is ended and stays, so that it can be
-- told later why somebody was or was not called.
ALTER TABLE suppressions
    ADD COLUMN id       bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN ended_at timestamptz; -- when it was lifted or replaced; null: it is in force until it expires
ALTER TABLE suppressions DROP CONSTRAINT suppressions_pkey;
ALTER TABLE suppressions ADD CONSTRAINT suppressions_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX suppressions_not_ended ON suppressions (number) WHERE ended_at IS NULL;

-- Every suppression that ever was, ended ones included.
CREATE VIEW reporting.suppressions AS
SELECT number, 'all'::text AS scope, NULL::text AS campaign, source, note, created_at, expires_at, ended_at
FROM suppressions;
