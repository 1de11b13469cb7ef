-- +goose Up

-- Events that came to the address of a leg that connect opened: the books find the
-- leg's record by them where it names no conversation.
ALTER TABLE events ADD COLUMN leg boolean NOT NULL DEFAULT false;
CREATE INDEX events_of_legs ON events (call_uuid) WHERE leg;
