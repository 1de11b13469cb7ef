-- +goose Up

-- Each run of seven digits in a text, whatever stands between them: a refused row is
-- found by the digits of a number, however they were written. The shortest number has
-- seven.
CREATE FUNCTION digit_runs(text text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT array_agg(DISTINCT substr(d.digits, i, 7))
        FROM (SELECT regexp_replace(text, '[^0-9]', '', 'g') AS digits) AS d, generate_series(1, length(d.digits) - 6) AS i);

-- guard:drop internal/dashboard.TestPagesAreQuick: a number is found in refused rows by an index
CREATE INDEX rejected_rows_by_digits ON rejected_rows USING gin (digit_runs(record));
