-- +goose Up

-- People who share a number and a call: one of them, who leads, is claimed, called and
-- decided on; the others follow.
ALTER TABLE contacts
    ADD COLUMN call_with bigint,                      -- the contact who leads; null: it has calls of its own
    ADD COLUMN leads     boolean NOT NULL DEFAULT false, -- others follow
    ADD CONSTRAINT contacts_call_with FOREIGN KEY (call_with) REFERENCES contacts (id),
    ADD CONSTRAINT contacts_lead_or_follow CHECK (NOT leads OR call_with IS NULL);
CREATE INDEX contacts_following ON contacts (call_with) WHERE call_with IS NOT NULL;

-- What becomes of who leads becomes of those who follow. If a person takes the one
-- who leads out of the campaign, the next of them leads.
-- +goose StatementBegin
CREATE FUNCTION follow_contact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE next_one bigint;
BEGIN
    IF NEW.reason = 'cancelled_by_request' THEN
        SELECT min(id) INTO next_one FROM contacts WHERE call_with = NEW.id;
        UPDATE contacts SET call_with = NULL, state = 'pending', reason = NULL, attempts = 0, answered = false, heard_at = NULL, result = NULL
        WHERE id = next_one;
        UPDATE contacts SET call_with = next_one WHERE call_with = NEW.id;
        UPDATE contacts SET leads = true WHERE id = next_one AND EXISTS (SELECT FROM contacts f WHERE f.call_with = next_one);
        UPDATE contacts SET leads = false WHERE id = NEW.id;
        RETURN NULL;
    END IF;
    UPDATE contacts f SET state = NEW.state, reason = NEW.reason, attempts = NEW.attempts, answered = NEW.answered,
        heard_at = NEW.heard_at, result = NEW.result, due_at = NEW.due_at, to_number = NEW.to_number, zone_group_id = NEW.zone_group_id, country = NEW.country
    WHERE f.call_with = NEW.id
      AND (f.state, f.reason, f.attempts, f.answered, f.heard_at, f.result, f.due_at, f.to_number, f.zone_group_id)
          IS DISTINCT FROM (NEW.state, NEW.reason, NEW.attempts, NEW.answered, NEW.heard_at, NEW.result, NEW.due_at, NEW.to_number, NEW.zone_group_id);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER contacts_follow AFTER UPDATE ON contacts FOR EACH ROW WHEN (NEW.leads) EXECUTE FUNCTION follow_contact();
