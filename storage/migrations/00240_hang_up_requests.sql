-- +goose Up

ALTER TABLE attempts
    ADD COLUMN hung_up_by uuid; -- the request that hung_up_at is of, until its answer is known; one that had no effect takes both back
