-- +goose Up

-- Hours by day of the week, with breaks, dates that are left out, and a margin
-- before closing.
ALTER TABLE campaigns
    ADD COLUMN open_minutes   int4multirange, -- when calls may be placed, in minutes of the week from Monday 00:00, by the wall clock
    ADD COLUMN closed_dates   date[] NOT NULL DEFAULT '{}', -- nobody is called on these, by the wall clock
    ADD COLUMN margin_minutes int NOT NULL DEFAULT 0,       -- the last call is placed so long before closing
    ADD CONSTRAINT campaigns_open_some CHECK (NOT isempty(open_minutes)),
    ADD CONSTRAINT campaigns_open_in_a_week CHECK (open_minutes <@ int4range(0, 10080)),
    ADD CONSTRAINT campaigns_margin_short CHECK (margin_minutes BETWEEN 0 AND 60);

UPDATE campaigns c SET
    open_minutes = (SELECT range_agg(int4range(day * 1440 + c.opens_min, day * 1440 + c.closes_min)) FROM generate_series(0, 6) AS day),
    settings = jsonb_set(settings, '{hours}', jsonb_build_object('days', jsonb_build_object('mon-sun', format('%s:%s-%s:%s',
        lpad((opens_min / 60)::text, 2, '0'), lpad((opens_min % 60)::text, 2, '0'),
        lpad((closes_min / 60)::text, 2, '0'), lpad((closes_min % 60)::text, 2, '0')))));

ALTER TABLE campaigns
    ALTER COLUMN open_minutes SET NOT NULL,
    DROP COLUMN opens_min,
    DROP COLUMN closes_min;

-- rules.sql makes its successor.
DROP FUNCTION IF EXISTS within_hours(timestamptz, text[], int, int);
