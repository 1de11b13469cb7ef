-- +goose Up

-- The times of a contact's reminders, in order; null: it has none. call_at is the
-- first of them, and not_later_than the appointment, or an earlier call_before.
ALTER TABLE contacts ADD COLUMN remind_at timestamptz[];
