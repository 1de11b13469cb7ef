-- +goose Up

-- Where programs are told of what happens.
CREATE TABLE hooks (
    id               bigint GENERATED ALWAYS AS IDENTITY,
    url              text NOT NULL,
    secret           text NOT NULL,      -- whsec_...: what its messages are signed with
    old_secret       text,               -- signs too, until old_secret_until
    old_secret_until timestamptz,
    allow_private    boolean NOT NULL,   -- it may be at an address that is not on the internet
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    removed_at       timestamptz,
    CONSTRAINT hooks_pkey PRIMARY KEY (id)
);

-- What they are still to be told, or could not be. A row is written in the
-- transaction of the change and deleted once it is delivered.
CREATE TABLE hook_messages (
    seq       bigint GENERATED ALWAYS AS IDENTITY,
    id        uuid NOT NULL DEFAULT gen_random_uuid(), -- webhook-id, the same at each try
    hook_id   bigint NOT NULL,
    topic     text NOT NULL,          -- messages of one topic are delivered in their order
    type      text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    data      jsonb NOT NULL,
    tries     int NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- of the next try; while one goes on, when another may begin
    failure   text,                   -- of the last try: no address, no number
    dead_at   timestamptz,            -- it is tried no more
    CONSTRAINT hook_messages_pkey PRIMARY KEY (seq),
    CONSTRAINT hook_messages_id_once UNIQUE (id),
    CONSTRAINT hook_messages_hook FOREIGN KEY (hook_id) REFERENCES hooks (id)
);
CREATE INDEX hook_messages_in_order ON hook_messages (hook_id, topic, seq) WHERE dead_at IS NULL;
CREATE INDEX hook_messages_due ON hook_messages (hook_id, due_at) WHERE dead_at IS NULL;

-- The triggers fire for the few changes that are told, and write nothing while there
-- is no hook.
-- +goose StatementBegin
CREATE FUNCTION tell_hooks(topic text, type text, data jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO hook_messages (hook_id, topic, type, data)
    SELECT h.id, tell_hooks.topic, tell_hooks.type, tell_hooks.data FROM hooks h WHERE h.removed_at IS NULL
$$;

CREATE FUNCTION tell_of_contact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    data jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM hooks WHERE removed_at IS NULL) THEN
        RETURN NULL;
    END IF;
    SELECT to_jsonb(v) INTO data FROM reporting.contacts v WHERE v.contact_id = NEW.id;
    IF NEW.result IS NOT NULL AND NEW.result IS DISTINCT FROM OLD.result THEN
        PERFORM tell_hooks('contact ' || NEW.id, 'contact.result', data);
    END IF;
    IF NEW.state = 'done' AND OLD.state <> 'done' THEN
        PERFORM tell_hooks('contact ' || NEW.id, 'contact.finished', data);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION tell_of_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM hooks WHERE removed_at IS NULL) THEN
        PERFORM tell_hooks('campaign ' || NEW.id, 'campaign.changed', to_jsonb(v) || jsonb_build_object('price', v.price::text))
        FROM reporting.campaigns v WHERE v.campaign_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION tell_of_alarm() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM hooks WHERE removed_at IS NULL) THEN
        PERFORM tell_hooks('alarm ' || NEW.id, 'alarm.raised', to_jsonb(v)) FROM reporting.alarms v WHERE v.alarm_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tell_changed AFTER UPDATE ON contacts FOR EACH ROW
    WHEN (NEW.state = 'done' AND OLD.state <> 'done' OR NEW.result IS DISTINCT FROM OLD.result) EXECUTE FUNCTION tell_of_contact();
CREATE TRIGGER tell_added AFTER INSERT ON campaigns FOR EACH ROW EXECUTE FUNCTION tell_of_campaign();
CREATE TRIGGER tell_changed AFTER UPDATE ON campaigns FOR EACH ROW
    WHEN (NEW.status <> OLD.status OR NEW.pause_reason IS DISTINCT FROM OLD.pause_reason OR NEW.document IS DISTINCT FROM OLD.document)
    EXECUTE FUNCTION tell_of_campaign();
CREATE TRIGGER tell_added AFTER INSERT ON alarms FOR EACH ROW EXECUTE FUNCTION tell_of_alarm();
CREATE TRIGGER tell_changed AFTER UPDATE ON alarms FOR EACH ROW
    WHEN (OLD.last_at <= OLD.resolved_at AND NEW.last_at > NEW.resolved_at) EXECUTE FUNCTION tell_of_alarm();
