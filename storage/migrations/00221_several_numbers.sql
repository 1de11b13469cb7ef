-- +goose Up

-- A person may have several numbers, which are called one after another. to_number
-- and zone_group_id are those of the one whose turn it is.
ALTER TABLE contacts
    ADD COLUMN numbers       text[],   -- all of the person's, in the order in which they are called; null: there is one
    ADD COLUMN number_groups bigint[], -- the zone group of each
    ADD CONSTRAINT contacts_numbers_fit CHECK (
        numbers IS NULL AND number_groups IS NULL
        OR cardinality(numbers) > 1 AND cardinality(numbers) = cardinality(number_groups) AND to_number = ANY (numbers)
           AND array_to_string(numbers, ',') ~ '^[1-9][0-9]{6,14}(,[1-9][0-9]{6,14})+$');

-- Who has a number among several is found by it.
CREATE INDEX contacts_by_numbers ON contacts USING gin (numbers) WHERE numbers IS NOT NULL;

-- The number that was called last; rules.sql has its text.
CREATE FUNCTION called_number(contact bigint, next_number text, numbers text[]) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT next_number';
