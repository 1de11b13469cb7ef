-- +goose Up

-- The time that a contact's row gives: call_at as it is written, or with reminders the
-- time before which they are. Null: it gives none, or an earlier version did not keep it.
ALTER TABLE contacts ADD COLUMN own_time timestamptz;

UPDATE contacts SET own_time = call_at WHERE call_at IS NOT NULL AND remind_at IS NULL;

-- With reminders not_later_than is that time, unless the row has an earlier call_before.
UPDATE contacts k SET own_time = k.not_later_than
FROM campaigns c
WHERE k.remind_at IS NOT NULL AND c.id = k.campaign_id AND c.document #>> '{people,call_before}' IS NULL
  AND NOT EXISTS (SELECT FROM imports i WHERE i.id = k.import_id AND coalesce(i.reading #>> '{map,call_before}', '') <> '')
  AND NOT EXISTS (SELECT FROM jsonb_each_text(k.vars) AS v (name, value)
                  WHERE lower(regexp_replace(v.name, '[^[:alpha:]]', '', 'g')) = 'callbefore' AND v.value <> '');
