-- +goose Up
-- Old scans are pruned, except those that proved an attempt absent: these indexes
-- find the attempts of a scan, for the query and for the foreign keys.
CREATE INDEX attempts_by_absent_scan_1 ON attempts (absent_scan_1) WHERE absent_scan_1 IS NOT NULL;
CREATE INDEX attempts_by_absent_scan_2 ON attempts (absent_scan_2) WHERE absent_scan_2 IS NOT NULL;
