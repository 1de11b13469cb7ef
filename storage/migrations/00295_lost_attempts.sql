-- +goose Up

-- The page of health lists attempts that no call is known for. Few or none are lost.
CREATE INDEX attempts_lost ON attempts (id) WHERE state = 'lost';
