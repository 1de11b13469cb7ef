-- +goose Up

-- Numbers that must not be called, in any campaign.
CREATE TABLE suppressions (
    number     text NOT NULL,                       -- E.164 digits
    source     text NOT NULL,                       -- who says so: a person, a file, a list
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,                         -- null: never
    CONSTRAINT suppressions_pkey PRIMARY KEY (number),
    CONSTRAINT suppressions_number_e164 CHECK (number ~ '^[1-9][0-9]{6,14}$')
);
