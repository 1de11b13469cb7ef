package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// The gate is the point of no return: it commits the intent to POST. It is one
// pipelined transaction of four steps, so that the last one sees all that was
// committed while the transaction waited:
//
//  1. share the dial lock, whose setter takes it alone;
//  2. lock the attempts;
//  3. lock the limits of their campaigns, and of those that share telephones with
//     one, in the order of ids, and then the account's, where there are any;
//  4. move those to dialing that are still reserved and have no obstacle, up to the
//     free places and to what they may cost.
//
// Step 4 begins after every lock is held. Its snapshot is therefore younger
// than any commit that the transaction waited for: a pause, a suppression, an
// edit of the hours or a dial lock, whether or not its writer withdrew the
// attempt. In one statement, the condition would be read from the snapshot that
// was taken before the wait (measured with two sessions).
const (
	gateShareDialLock = `SELECT pg_advisory_xact_lock_shared($1)`

	// gateLock stores the ids of the attempts that it locked in a setting of the
	// transaction, for gateMove. It skips attempts that another transaction has locked.
	// The condition on the state uses coalesce, so that attempts are found by their ids
	// and not by the index of all reserved ones.
	gateLock = `
		SELECT set_config('dialer.gate', coalesce(string_agg(locked.id::text, ','), ''), true)
		FROM (SELECT a.id FROM attempts a
		      WHERE a.id = ANY (@ids::uuid[])
		      -- guard:drop storage.TestGateAfterWithdrawal: only a reserved attempt passes the gate
		      AND coalesce(a.state, '') = 'reserved'
		      -- guard:value storage.TestGateBatchAnswersEachAttempt: an attempt that another transaction has locked holds up no other at the gate
		      ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED) AS locked`

	// gateLockWaiting is gateLock for an attempt that was skipped: it waits.
	gateLockWaiting = `
		SELECT set_config('dialer.gate', coalesce(string_agg(locked.id::text, ','), ''), true)
		FROM (SELECT a.id FROM attempts a
		      WHERE a.id = ANY (@ids::uuid[])
		      -- guard:drop storage.TestGateAfterWithdrawal: only a reserved attempt passes the gate after a wait
		      AND coalesce(a.state, '') = 'reserved'
		      ORDER BY a.id FOR NO KEY UPDATE) AS locked`

	gateLockLimits = `
		SELECT FROM campaign_limits l WHERE campaign_id IN (
			SELECT campaign_id FROM attempts WHERE id = ANY (string_to_array(current_setting('dialer.gate'), ',')::uuid[]))
		OR l.connected IS NOT NULL AND EXISTS (
			SELECT FROM attempts a JOIN campaign_limits own ON own.campaign_id = a.campaign_id AND own.connected IS NOT NULL
			WHERE a.id = ANY (string_to_array(current_setting('dialer.gate'), ',')::uuid[]) AND l.campaign_id IN (SELECT same_desk(a.campaign_id)))
		-- guard:value storage.TestLimitsAreNeverExceeded: two gates do not fill one place
		ORDER BY campaign_id FOR NO KEY UPDATE`

	gateLockAccount = `SELECT FROM account_limits WHERE daily_budget IS NOT NULL FOR NO KEY UPDATE`

	// gateMove lets attempts without an obstacle through. Attempts that pass together
	// share a token. They also use the token of the last ones to pass, while its expiry is
	// at most @shared before theirs and not after it: see lastToken.
	gateMove = `
		WITH gate AS MATERIALIZED (
			SELECT clock_timestamp() AS passed_at
		), token AS MATERIALIZED (
			SELECT passed_at, coalesce(last.id, gen_random_uuid()) AS id, coalesce(last.expires_at, passed_at + @life::interval) AS expires_at
			FROM gate LEFT JOIN (VALUES (@last_token::uuid, @last_until::timestamptz)) AS last (id, expires_at)
			-- guard:value storage.TestGateSharesTheLastToken: a token is shared for a second at most
			ON last.expires_at BETWEEN passed_at + @life::interval - @shared::interval AND passed_at + @life::interval
		), clear AS MATERIALIZED (
			SELECT a.id, a.campaign_id, a.contact_id
			FROM attempts a, token
			WHERE a.id = ANY (string_to_array(current_setting('dialer.gate'), ',')::uuid[])
			  -- guard:drop storage.TestGateSeesWhatCommitted: the gate asks the rule
			  AND NOT EXISTS (SELECT FROM contact_obstacles(a.to_number, a.campaign_id, a.contact_id, token.passed_at))
			  -- guard:value storage.TestManualCallAbandoned: a manual call, a test call too, is made in its time or not at all
			  AND (a.kind <> 'manual' OR a.created_at >= token.passed_at - @lease::interval)
		), room AS MATERIALIZED (
			-- Campaigns that share telephones have one room: each of their calls passes on its own.
			SELECT l.campaign_id, room.*, l.connected IS NOT NULL AND EXISTS (
				SELECT FROM clear o WHERE o.campaign_id <> l.campaign_id AND o.campaign_id IN (SELECT same_desk(l.campaign_id))) AS shared
			FROM token, campaign_limits l, LATERAL campaign_room(l.campaign_id, token.passed_at) AS room
			WHERE l.campaign_id IN (SELECT campaign_id FROM clear)
		), day AS MATERIALIZED (
			-- Postgres plans a function that it cannot inline in each statement that calls it.
			SELECT CASE WHEN EXISTS (SELECT FROM account_limits WHERE daily_budget IS NOT NULL) THEN account_room(token.passed_at) END AS money FROM token
		), costed AS (
			-- Where no rate is known, a call holds all that is left: there is one at a time.
			SELECT c.id, c.campaign_id, room.places, room.soon, room.shared, room.money, day.money AS day_money,
			       CASE WHEN room.money IS NOT NULL OR day.money IS NOT NULL
			            THEN coalesce(call_worst(c.campaign_id, c.contact_id), least(room.money, day.money)) END AS worst
			FROM clear c CROSS JOIN day LEFT JOIN room ON room.campaign_id = c.campaign_id
		), ranked AS (
			SELECT *, row_number() OVER of_campaign AS place, sum(worst) OVER of_campaign AS cost, sum(worst) OVER (ORDER BY id) AS day_cost
			FROM costed WINDOW of_campaign AS (PARTITION BY campaign_id ORDER BY id)
		)
		UPDATE attempts a SET
			state = 'dialing', changed_by = 'caller', posts = a.posts + 1, held = r.worst,
			dialed_at = token.passed_at, token_id = token.id, token_expires_at = token.expires_at
		FROM token, ranked r
		WHERE a.id = r.id
		  -- guard:drop storage.TestConnectedOfOneDesk: campaigns that share telephones do not fill one place together
		  AND r.shared IS NOT TRUE
		  AND (r.places IS NULL OR r.place <= r.places) AND (r.soon IS NULL OR r.place <= r.soon)
		  -- guard:drop storage.TestLimitsAreNeverExceeded: the calls that pass together keep to the budget
		  AND (r.money IS NULL OR r.money > 0 AND r.cost <= r.money)
		  -- guard:drop storage.TestDailyBudget: the calls of all campaigns keep to the day's budget
		  AND (r.day_money IS NULL OR r.day_money > 0 AND r.day_cost <= r.day_money)
		RETURNING ` + attemptColumns
)

// How many attempts pass the gate in one transaction, and how many extra transactions
// may run in parallel.
const (
	maxGates     = 64
	extraGateTxs = 2
	// gateTimeout is how long a worker waits at the gate. After that, nothing may be sent.
	gateTimeout = 5 * time.Second
)

// lastToken is the token with which attempts of this process passed last. Attempts that
// pass within a second use it too: signing one takes half of a call's processor time.
// It is shared for a thirtieth of its life at most, so a token with a short life is not
// shared for most of it.
type lastToken struct {
	id        uuid.UUID
	expiresAt time.Time
}

// gateArgs are the arguments of gateMove. last is zero for a process's first gate.
func gateArgs(life time.Duration, last lastToken) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"life": life, "shared": min(time.Second, life/30), "lease": manualLease,
		"last_token": zeronull.UUID(last.id), "last_until": zeronull.Timestamptz(last.expiresAt),
	}
}

// gateRequest is one worker at the gate. It holds the attempt once that has passed.
type gateRequest struct {
	id     uuid.UUID
	life   time.Duration
	passed campaign.Attempt
}

// Gate commits the intent to POST the attempt, with a token that lives for tokenLife.
// One worker passes with an attempt; workers that come at the same time share a
// transaction. It takes five seconds at most.
//
// campaign.ErrStale: another worker has the attempt. campaign.ErrWithdrawn: it may not
// be called now, so it was voided and its contact was decided again.
// campaign.ErrNoRoom: its campaign's or the account's limits leave no room now, and it
// stays reserved. campaign.ErrDialLocked: nobody is called now, and it stays reserved.
// After any other error, including a lost acknowledgement of the commit, do not POST.
func (db *DB) Gate(ctx context.Context, id uuid.UUID, tokenLife time.Duration) (campaign.Attempt, error) {
	g := &gateRequest{id: id, life: tokenLife}
	if err := db.gates.do(ctx, g); err != nil {
		return campaign.Attempt{}, fmt.Errorf("gate attempt %s: %w", id, err)
	}
	return g.passed, nil
}

// admitBatch lets all attempts without an obstacle through the gate; see
// txBatcher.store. An attempt that does not pass at once is tried again alone: it waits
// for the row's lock, or gets the reason.
func (db *DB) admitBatch(ctx context.Context, list []*gateRequest, alone bool) ([]error, error) {
	passed, err := db.admit(ctx, list, alone)
	if err != nil {
		return nil, err
	}
	results := make([]error, len(list))
	for i, g := range list {
		at := slices.IndexFunc(passed, func(a campaign.Attempt) bool { return a.ID == g.id })
		switch {
		case at >= 0:
			g.passed = passed[at]
			//guard:drop storage.TestGateDuplicateInBatch: of two callers of one attempt in a batch one passes
			passed = slices.Delete(passed, at, at+1)
		case alone:
			results[i] = db.rejectionReason(ctx, g.id)
		default:
			results[i] = errRowLocked
		}
	}
	return results, nil
}

func (db *DB) admit(ctx context.Context, list []*gateRequest, wait bool) (passed []campaign.Attempt, err error) {
	lock := gateLock
	if wait {
		lock = gateLockWaiting
	}
	ids := column(list, func(g *gateRequest) uuid.UUID { return g.id })
	life := list[0].life
	for _, g := range list {
		life = min(life, g.life)
	}
	var b pgx.Batch // without its own BEGIN: the pipeline is the transaction
	b.Queue(gateShareDialLock, dialLockKey)
	b.Queue(lock, pgx.StrictNamedArgs{"ids": ids})
	b.Queue(gateLockLimits)
	b.Queue(gateLockAccount)
	b.Queue(gateMove, gateArgs(life, *db.token.Load())).Query(func(rows pgx.Rows) error {
		passed, err = pgx.CollectRows(rows, scanAttempt)
		return err
	})
	if err := db.pool.SendBatch(ctx, &b).Close(); err != nil || len(passed) == 0 {
		return nil, err
	}
	db.token.Store(&lastToken{passed[0].TokenID, passed[0].TokenExpiresAt})
	return passed, nil
}

// rejectionReason withdraws an attempt that did not pass the gate, with its first
// obstacle as the reason. If the obstacle is gone, the attempt stays reserved and is
// enqueued again later.
func (db *DB) rejectionReason(ctx context.Context, id uuid.UUID) error {
	return db.withdraw(ctx, id, func(tx pgx.Tx) (why campaign.Withdrawal, err error) {
		err = tx.QueryRow(ctx, `
			SELECT o.reason FROM attempts a
			CROSS JOIN LATERAL call_obstacles(a.to_number, a.campaign_id, a.contact_id, clock_timestamp()) AS o
			WHERE a.id = $1 LIMIT 1`, id).Scan(&why)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			err = campaign.ErrStale
		case err == nil && why == campaign.WithdrawnLocked:
			err = campaign.ErrDialLocked
		//guard:false storage.TestLimitsAreNeverExceeded: what waits for a place stays in the queue
		case err == nil && why.Passes():
			err = campaign.ErrNoRoom
		}
		return why, err
	}, campaign.ErrWithdrawn)
}

// Withdraw voids a reserved attempt for a reason that was found before the gate.
func (db *DB) Withdraw(ctx context.Context, id uuid.UUID, why campaign.Withdrawal) error {
	err := db.withdraw(ctx, id, func(pgx.Tx) (campaign.Withdrawal, error) { return why, nil }, nil)
	if err != nil {
		return fmt.Errorf("withdraw attempt %s: %w", id, err)
	}
	return nil
}

// withdraw voids a reserved attempt for the reason that it finds once the attempt is
// locked. It returns done if it voided the attempt, and campaign.ErrStale if the
// attempt is not reserved.
func (db *DB) withdraw(ctx context.Context, id uuid.UUID, reason func(pgx.Tx) (campaign.Withdrawal, error), done error) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error { return withdrawReserved(ctx, tx, id, reason) })
	if errors.Is(err, campaign.ErrNotFound) {
		return campaign.ErrStale
	}
	if err != nil {
		return err
	}
	return done
}

// withdrawReserved voids the attempt if it is still reserved.
func withdrawReserved(ctx context.Context, tx pgx.Tx, id uuid.UUID, reason func(pgx.Tx) (campaign.Withdrawal, error)) error {
	of, err := ownerOf(ctx, tx, id)
	if err != nil {
		return err
	}
	return withOwners(ctx, tx, []owner{of}, func(c *contactTx) error {
		if i := c.find(id); c.attempts[i].State != campaign.Reserved {
			return campaign.ErrStale
		}
		why, err := reason(tx)
		if err != nil {
			return err
		}
		c.void(id, why, campaign.Caller)
		return nil
	})
}
