-- +goose Up

ALTER TABLE contacts
    ADD COLUMN number_countries text[], -- the country of each of numbers, as country is of to_number
    ADD CONSTRAINT contacts_number_countries CHECK (number_countries IS NULL OR cardinality(number_countries) = cardinality(numbers));
