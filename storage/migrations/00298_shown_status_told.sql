-- +goose Up

-- A scheduled campaign begins, and the calls of a stopped one end, without a change of
-- its row. The sweeper notes both here, and hooks are told by that.
ALTER TABLE campaigns ADD COLUMN told_status text; -- the status that hooks were told last, as people see it
UPDATE campaigns SET told_status = CASE WHEN status = 'running' AND starts_at > now() THEN 'scheduled' ELSE status END;

-- +goose StatementBegin
CREATE FUNCTION note_told_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.told_status := shown_status(NEW.status, NEW.starts_at, (
        SELECT sum(n)::bigint FROM counter_totals
        WHERE campaign_id = NEW.id AND subject = 'attempts' AND state IN ('dialing', 'unknown', 'accepted')));
    RETURN NEW;
END $$;
-- +goose StatementEnd

-- What these changes tell, tell_added and tell_changed tell at once.
CREATE TRIGGER note_told_added BEFORE INSERT ON campaigns FOR EACH ROW EXECUTE FUNCTION note_told_status();
CREATE TRIGGER note_told_changed BEFORE UPDATE ON campaigns FOR EACH ROW
    WHEN (NEW.status <> OLD.status OR NEW.starts_at IS DISTINCT FROM OLD.starts_at) EXECUTE FUNCTION note_told_status();

DROP TRIGGER tell_changed ON campaigns;
CREATE TRIGGER tell_changed AFTER UPDATE ON campaigns FOR EACH ROW
    WHEN (NEW.status <> OLD.status OR NEW.pause_reason IS DISTINCT FROM OLD.pause_reason OR NEW.document IS DISTINCT FROM OLD.document
          OR NEW.told_status IS DISTINCT FROM OLD.told_status)
    EXECUTE FUNCTION tell_of_campaign();
