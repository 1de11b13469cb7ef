-- +goose Up

-- Each gate asks whether a call that was overtaken is open at its number. There
-- is hardly ever one anywhere, so this index is empty and costs nothing.
CREATE INDEX attempts_overtaken ON attempts (to_number) WHERE overtaken AND state = 'accepted';
