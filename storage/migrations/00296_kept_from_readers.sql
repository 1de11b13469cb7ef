-- +goose Up

-- Goes into the versions of contacts and campaigns, which anybody sees who may read:
-- without it they could be compared with versions of guessed rows.
ALTER TABLE database_identity ADD COLUMN version_secret text NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text;

-- What is only added is not emptied either.
-- guard:drop storage.TestPostgresRefuses: nothing empties the audit
CREATE TRIGGER guard_audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION guard_audit();
-- guard:drop storage.TestPostgresRefuses: nothing empties the events
CREATE TRIGGER guard_events_whole BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION guard_event();
