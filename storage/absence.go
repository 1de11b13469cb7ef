package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// absenceBatch is the most attempts that one transaction proves absent.
const absenceBatch = 200

// provedAbsent finds unknown attempts for which the scans prove that Vonage made no
// call. It fails closed: if one line does not hold, the attempt stays unknown.
// campaign/times.go has the times, and the inequality that the proof needs.
//
// If a call is bound by numbers alone, it is exempt only from then on: both scans begin
// after the binding.
const provedAbsent = `
	SELECT a.id, a.contact_id, first.id, second.id
	FROM attempts a
	CROSS JOIN LATERAL (SELECT attempt_window(a, @before, @after) AS w) AS span
	CROSS JOIN LATERAL (
		SELECT greatest(a.token_expires_at + @settle::interval, (
			SELECT max(c.matched_at) FROM provider_calls c
			-- guard:drop storage.TestAbsenceExemptions: a binding by numbers alone exempts only from then on
			WHERE c.matched_by = 'numbers' AND (c.start_time IS NULL OR c.start_time BETWEEN lower(w) AND upper(w)) AND c.attempt_id <> a.id AND numbers_differ(c.to_number, a.to_number) IS NOT TRUE AND may_be_call_of(c, a, w)
		)) AS sure_from) AS since
	CROSS JOIN LATERAL (
		SELECT s.id, s.started_at FROM list_scans s
		WHERE true
		  -- guard:drop storage.TestAbsenceTakesTwoScans: the first scan covers the window from its beginning
		  AND s.from_time <= lower(w)
		  -- guard:drop storage.TestAbsenceTakesTwoScans: the first scan covers what is sure to be listed, so it begins no earlier
		  AND s.to_time >= a.token_expires_at + @settle::interval
		  -- guard:drop storage.TestAbsenceExemptions: the first scan begins after every binding by numbers alone
		  AND s.started_at >= sure_from
		  -- guard:drop storage.TestAbsenceEachCondition: a first scan that proves nothing is no proof
		  AND scan_proves(s)
		  -- guard:drop storage.TestAbsenceEachCondition: a first scan of another database proves nothing
		  AND s.database_id = (SELECT id FROM database_identity)
		ORDER BY s.started_at LIMIT 1) AS first
	CROSS JOIN LATERAL (
		SELECT s.id FROM list_scans s
		WHERE true
		  -- guard:drop storage.TestAbsenceTakesTwoScans: the second scan covers the window from its beginning
		  AND s.from_time <= lower(w)
		  -- guard:drop storage.TestAbsenceTakesTwoScans: the second scan covers the window to its end
		  AND s.to_time >= upper(w)
		  -- guard:drop storage.TestAbsenceTakesTwoScans: the second scan begins half a settle time after the first
		  AND s.started_at >= first.started_at + @gap::interval
		  -- guard:drop storage.TestAbsenceEachCondition: a second scan that proves nothing is no proof
		  AND scan_proves(s)
		  -- guard:drop storage.TestAbsenceEachCondition: a second scan of another database proves nothing
		  AND s.database_id = (SELECT id FROM database_identity)
		ORDER BY s.started_at DESC LIMIT 1) AS second
	WHERE a.state = 'unknown' AND a.call_uuid IS NULL
	  AND a.to_kind = 'phone' -- Vonage's list tells no other endpoints apart
	  AND (@ids::uuid[] IS NULL OR a.id = ANY (@ids))
	  -- guard:drop storage.TestAbsenceEachCondition: a call that must exist is never absent
	  AND NOT a.must_exist
	  -- guard:drop storage.TestAbsenceEachCondition: an attempt whose message Vonage asked for is not absent
	  AND a.message_asked_at IS NULL
	  -- guard:drop storage.TestAbsenceEachCondition: a window whose records may be dropped proves nothing
	  AND lower(w) > clock_timestamp() - @provable::interval
	  -- guard:drop storage.TestAbsenceEachCondition: an attempt that an event names is not absent
	  AND NOT EXISTS (SELECT FROM events e WHERE e.attempt_id = a.id)
	  AND NOT EXISTS (
		SELECT FROM provider_calls c
		-- guard:value storage.TestAbsenceEachCondition: a call that may be the attempt's blocks the proof
		WHERE c.matched_by IS NULL AND (c.start_time IS NULL OR c.start_time BETWEEN lower(w) AND upper(w)) AND may_be_call_of(c, a, w)
		-- what may_be_call_of asks too, and quick
		AND numbers_differ(c.to_number, a.to_number) IS NOT TRUE)
	ORDER BY a.token_expires_at LIMIT @limit`

// ProveAbsent moves unknown attempts to absent if the stored scans prove that
// Vonage made no call. It returns how many. Their contacts are due again.
func (db *DB) ProveAbsent(ctx context.Context, t campaign.Times) (total int, err error) {
	for {
		proofs, err := collect(ctx, db.pool, scanProof, provedAbsent, absenceArgs(t, nil))
		if err != nil {
			return total, fmt.Errorf("prove absence: %w", err)
		}
		n, err := db.markAbsent(ctx, proofs, t)
		total += n
		if err != nil {
			return total, fmt.Errorf("prove %d attempts absent: %w", len(proofs), err)
		}
		if len(proofs) < absenceBatch || n == 0 {
			return total, nil
		}
	}
}

// proof is an absent attempt, and the two scans that prove it absent.
type proof struct {
	target        target
	first, second int64
}

func scanProof(row pgx.CollectableRow) (p proof, err error) {
	var contact zeronull.Int8
	err = row.Scan(&p.target.attempt, &contact, &p.first, &p.second)
	p.target.owner = ownedBy(int64(contact), p.target.attempt)
	return p, err
}

func absenceArgs(t campaign.Times, ids []uuid.UUID) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"before": t.WindowBefore(), "after": t.WindowAfter(), "settle": t.SettleAfter, "gap": t.ScanGap(),
		"provable": t.Provable(), "limit": absenceBatch, "ids": ids,
	}
}

// markAbsent checks the proofs again when the attempts' owners are locked.
func (db *DB) markAbsent(ctx context.Context, proofs []proof, t campaign.Times) (n int, err error) {
	if len(proofs) == 0 {
		return 0, nil
	}
	byOwner := map[owner]bool{}
	ids := column(proofs, func(p proof) uuid.UUID { byOwner[p.target.owner] = true; return p.target.attempt })
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		n = 0
		var proved map[uuid.UUID]bool
		return withOwners(ctx, tx, sortedOwners(byOwner), func(c *contactTx) (err error) {
			if proved == nil {
				proved, err = keepProofs(ctx, tx, absenceArgs(t, ids))
			}
			for _, a := range c.attempts {
				if proved[a.ID] {
					a.State = campaign.Absent
					c.replace(a, campaign.Reconciler)
					failpoint.Hit("settle.proved")
					n++
				}
			}
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// keepProofs stores with each attempt the scans that prove it absent.
func keepProofs(ctx context.Context, tx pgx.Tx, args pgx.StrictNamedArgs) (map[uuid.UUID]bool, error) {
	proofs, err := collect(ctx, tx, scanProof, provedAbsent, args)
	if err != nil {
		return nil, err
	}
	proved := make(map[uuid.UUID]bool, len(proofs))
	for _, p := range proofs {
		proved[p.target.attempt] = true
	}
	_, err = tx.Exec(ctx, `
		UPDATE attempts a SET absent_scan_1 = w.first, absent_scan_2 = w.second
		FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS w (id, first, second) WHERE a.id = w.id`,
		column(proofs, func(p proof) uuid.UUID { return p.target.attempt }),
		column(proofs, func(p proof) int64 { return p.first }), column(proofs, func(p proof) int64 { return p.second }))
	return proved, err
}

// GiveUp marks unknown attempts dialed longer than kept ago as lost, each with an
// alarm, and returns how many. A person decides about their contacts.
func (db *DB) GiveUp(ctx context.Context, kept time.Duration) (int, error) {
	n, err := db.changeEach(ctx, `
		SELECT id, contact_id FROM attempts
		WHERE state = 'unknown' AND dialed_at < now() - $1::interval ORDER BY dialed_at LIMIT $2`,
		[]any{kept, sweepBatch}, func(c *contactTx, id uuid.UUID) bool {
			a := c.attempts[c.find(id)]
			if a.State != campaign.Unknown {
				return false
			}
			a.State = campaign.Lost
			c.replace(a, campaign.Reconciler)
			c.alarms = append(c.alarms, campaign.Alarm{
				Kind: campaign.AlarmLost, AttemptID: id,
				Detail: "it was not settled while Vonage kept its records",
			})
			return true
		})
	if err != nil {
		return n, fmt.Errorf("give up attempts: %w", err)
	}
	return n, nil
}
