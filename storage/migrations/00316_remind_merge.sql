-- +goose Up

-- Reminders of one person that are no further apart are one; null: none are.
ALTER TABLE campaigns ADD COLUMN remind_merge interval;
UPDATE campaigns SET remind_merge = (settings #>> '{remind,merge}')::interval WHERE settings #>> '{remind,merge}' IS NOT NULL;
