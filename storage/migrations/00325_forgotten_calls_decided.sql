-- +goose Up

-- A person may decide of an attempt that was made for a forgotten call, and that
-- never passed a gate here, that Vonage made no call for it.
ALTER TABLE attempts
    DROP CONSTRAINT attempts_posted_after_the_gate,
    ADD CONSTRAINT attempts_posted_after_the_gate CHECK (
        state NOT IN ('dialing', 'unknown', 'refused', 'absent', 'lost') OR posts = 1 OR state IN ('absent', 'lost') AND recovered);
