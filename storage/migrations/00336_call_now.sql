-- +goose Up

-- When a person asked last that this contact is called at once. It holds until a call
-- has passed the gate since, however often the contact is decided meanwhile.
ALTER TABLE contacts ADD COLUMN asked_at timestamptz;
