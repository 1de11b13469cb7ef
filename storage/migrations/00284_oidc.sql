-- +goose Up

-- People who log in at an OpenID Connect provider. Issuer and subject together name
-- a person for ever; the name is for people to read. Such a person has no password.
ALTER TABLE users
    ADD COLUMN issuer  text,
    ADD COLUMN subject text,
    ALTER COLUMN password DROP NOT NULL,
    ADD CONSTRAINT users_one_way_in CHECK ((password IS NULL) = (issuer IS NOT NULL) AND (issuer IS NULL) = (subject IS NULL));
-- Also of who was removed: a removed person is not let in as somebody new.
CREATE UNIQUE INDEX users_identity_once ON users (issuer, subject) WHERE issuer IS NOT NULL;
