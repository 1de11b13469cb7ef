-- +goose Up

-- When a person who rang back hung up again: until then they take one of the telephones
-- that the campaign's keys connect to.
ALTER TABLE inbound_calls ADD COLUMN ended_at timestamptz; -- null: nobody told
CREATE INDEX inbound_calls_up ON inbound_calls (received_at) WHERE ended_at IS NULL;
