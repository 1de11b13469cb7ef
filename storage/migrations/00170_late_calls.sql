-- +goose Up

ALTER TABLE campaigns
    ADD COLUMN hang_up boolean NOT NULL DEFAULT false; -- it was stopped and its calls are hung up, those that are known late too

ALTER TABLE attempts
    ADD COLUMN message_asked_at timestamptz; -- when Vonage asked for its message before its call was known: so it made one
