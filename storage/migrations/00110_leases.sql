-- +goose Up

-- Which process does a periodic piece of work, until when. A write of a process
-- that was too slow fails on its generation.
CREATE TABLE leases (
    name        text NOT NULL,                      -- the work
    owner       text NOT NULL,                      -- the process
    expires_at  timestamptz NOT NULL,
    generation  bigint NOT NULL DEFAULT 1,          -- grows with each new owner
    finished_at timestamptz,                        -- when the work was last done
    CONSTRAINT leases_pkey PRIMARY KEY (name)
) WITH (fillfactor = 50);
