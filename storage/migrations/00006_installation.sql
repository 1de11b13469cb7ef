-- +goose Up

-- Which database this is. Dialers name their queue after it, so that two
-- databases that share a Redis never take each other's tasks.
CREATE TABLE installation (
    one boolean PRIMARY KEY DEFAULT true CONSTRAINT installation_one CHECK (one),
    id  uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO installation DEFAULT VALUES;
