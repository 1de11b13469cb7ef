-- +goose Up

-- The gate asks how often a person may be called, because an edit may say less
-- while people wait.
ALTER TABLE campaigns ADD COLUMN max_attempts int; -- calls to one person, at most; null: only the settings say
UPDATE campaigns SET max_attempts = (settings #>> '{retry,attempts}')::int;
