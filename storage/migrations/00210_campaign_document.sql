-- +goose Up

-- The campaign document as it was given, with the flags that won over it: what
-- settings are made of. Null for a campaign that was made without one.
ALTER TABLE campaigns ADD COLUMN document jsonb;
