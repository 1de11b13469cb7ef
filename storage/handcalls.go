package storage

import (
	"context"
	"fmt"
	"iter"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
	"github.com/shopspring/decimal"
)

// HandCall is a call that a person made, and no campaign: one POST at most.
type HandCall struct {
	ID               uuid.UUID // UUIDv7; the token's jti
	At               time.Time // of the intent, by the database's clock
	Who              string
	Kind             string // of the endpoint, such as phone
	To               string // a number in E.164 digits, or an address
	From             string // "": Vonage picked one
	Detail           string // what it was to say; holds no digits that were sent
	TokenExpiresAt   time.Time
	Outcome          campaign.OutcomeKind // "": nobody recorded one, so it is as good as unknown
	Answer           string               // what Vonage said
	CallUUID         string               // with OutcomeCreated
	ConversationUUID string
	// What Vonage's list said of it when it was last read.
	Status string
	Price  decimal.NullDecimal
}

// KindPhone is the kind of the calls to telephone numbers, which alone may be
// suppressed or have a campaign's call.
const KindPhone = "phone"

// Barred says why a call may not be made by hand now. It holds no number.
type Barred string

func (b Barred) Error() string { return string(b) }

// IntendCall commits the intent to make a call by hand, with a token that lives
// for life, unless something bars it: see Barred. A call to the same address of
// which nothing is known bars it for settle after its token expired. Any error,
// a lost acknowledgement of the commit among them: do not POST.
func (db *DB) IntendCall(ctx context.Context, c HandCall, life, settle time.Duration) (HandCall, error) {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		// Two people must not pass what bars the second one at once.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 12))`, plain(c.To)); err != nil {
			return err
		}
		if err := bars(ctx, tx, c, settle); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			INSERT INTO hand_calls (id, who, kind, to_address, from_number, detail, at, token_expires_at)
			SELECT @id, @who, @kind, @to, @from, @detail, now, now + @life::interval FROM clock_timestamp() AS now
			RETURNING at, token_expires_at`, pgx.StrictNamedArgs{
			"id": c.ID, "who": plain(c.Who), "kind": c.Kind, "to": plain(c.To), "from": zeronull.Text(plain(c.From)),
			"detail": plain(c.Detail), "life": life,
		}).Scan(&c.At, &c.TokenExpiresAt)
	})
	if err != nil {
		return HandCall{}, fmt.Errorf("intend a call by hand: %w", err)
	}
	return c, nil
}

// bars returns a Barred when the call may not be made now.
func bars(ctx context.Context, tx pgx.Tx, c HandCall, settle time.Duration) error {
	var why string
	err := tx.QueryRow(ctx, `
		SELECT coalesce((
			SELECT 'the number is suppressed (dialer suppress list)' FROM suppressions s
			WHERE @kind = 'phone' AND s.number = @to AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
		), (
			SELECT format('attempt %s of a campaign has a call to the number that is not over', a.id) FROM attempts a
			WHERE @kind = 'phone' AND a.to_number = @to AND a.state IN ('dialing', 'unknown', 'accepted') LIMIT 1
		), (
			SELECT format('%s made a call to it of which nothing is known yet: wait until %s, then see dialer call list',
				h.who, to_char((h.token_expires_at + @settle::interval) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'))
			FROM hand_calls h
			WHERE h.to_address = @to AND h.kind = @kind AND (h.outcome IS NULL OR h.outcome = 'unknown')
			  AND h.token_expires_at + @settle::interval > clock_timestamp()
			ORDER BY h.token_expires_at DESC LIMIT 1
		), '')`, pgx.StrictNamedArgs{"kind": c.Kind, "to": plain(c.To), "settle": settle}).Scan(&why)
	if err == nil && why != "" {
		err = Barred(why)
	}
	return err
}

// ConcludeCall records what came of an intended call, with an action of the
// call's when it was created.
func (db *DB) ConcludeCall(ctx context.Context, c HandCall) error {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `
			UPDATE hand_calls SET outcome = @outcome, answer = @answer, call_uuid = @call, conversation_uuid = @conversation
			WHERE id = @id AND outcome IS NULL`, pgx.StrictNamedArgs{
			"id": c.ID, "outcome": c.Outcome, "answer": plain(c.Answer),
			"call": zeronull.Text(plain(c.CallUUID)), "conversation": zeronull.Text(plain(c.ConversationUUID)),
		})
		if err == nil && done.RowsAffected() != 1 {
			err = campaign.ErrStale
		}
		if err != nil || c.Outcome != campaign.OutcomeCreated {
			return err
		}
		return audit(ctx, tx, app.Actor{Name: c.Who, Through: app.ThroughCommand}, callChange(app.CallAction{
			CallUUID: c.CallUUID, Action: "create", Detail: c.Detail, Outcome: campaign.EffectDone, Answer: c.Answer,
		}))
	})
	if err != nil {
		return fmt.Errorf("conclude a call by hand: %w", err)
	}
	return nil
}

// handCalls reads the calls made by hand, with what the list said of them.
const handCalls = `
	SELECT h.id, h.at, h.who, h.kind, h.to_address, h.from_number, h.detail, h.token_expires_at,
	       h.outcome, h.answer, h.call_uuid, h.conversation_uuid, f.status, f.price
	FROM hand_calls h LEFT JOIN foreign_calls f ON f.call_uuid = h.call_uuid`

func scanHandCall(row pgx.CollectableRow) (c HandCall, err error) {
	err = row.Scan(&c.ID, &c.At, &c.Who, &c.Kind, &c.To, (*zeronull.Text)(&c.From), &c.Detail, &c.TokenExpiresAt,
		(*zeronull.Text)(&c.Outcome), &c.Answer, (*zeronull.Text)(&c.CallUUID), (*zeronull.Text)(&c.ConversationUUID),
		(*zeronull.Text)(&c.Status), &c.Price)
	return c, err
}

// HandCall finds a call made by hand by its own id or by the call's uuid;
// campaign.ErrNotFound when there is none.
func (db *DB) HandCall(ctx context.Context, name string) (HandCall, error) {
	id, err := uuid.Parse(name)
	if err != nil {
		id = uuid.Nil
	}
	list, err := collect(ctx, db.pool, scanHandCall,
		handCalls+` WHERE h.call_uuid = $1 OR h.id = $2 ORDER BY h.call_uuid = $1 DESC NULLS LAST LIMIT 1`, plain(name), id)
	if err == nil && len(list) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return HandCall{}, fmt.Errorf("find a call made by hand: %w", err)
	}
	return list[0], nil
}

// handCallsTo are the calls made by hand to a number, oldest first.
func handCallsTo(ctx context.Context, tx pgx.Tx, number string) ([]HandCall, error) {
	return collect(ctx, tx, scanHandCall, handCalls+` WHERE h.kind = $1 AND h.to_address = $2 ORDER BY h.at, h.id`, KindPhone, number)
}

// HandCalls streams all of them, in the order of their ids.
func (db *DB) HandCalls(ctx context.Context) iter.Seq2[HandCall, error] {
	return stream(ctx, db, handCalls+` WHERE h.id > $1 ORDER BY h.id LIMIT $2`,
		uuid.Nil, scanHandCall, func(c HandCall) uuid.UUID { return c.ID })
}

// What says that a record r of a call, with numbers and a start, is of a call h
// made by hand.
const (
	madeByHand = `(h.call_uuid = r.call_uuid OR ` + maybeByHand + `)`

	// maybeByHand is true of a call of which it is not known whether Vonage
	// made it, if the record could be of it. So it keeps the record from being
	// taken for an attempt's.
	maybeByHand = `h.call_uuid IS NULL AND h.outcome IS DISTINCT FROM 'refused'
			AND h.to_address = r.to_number AND coalesce(h.from_number, r.from_number) = r.from_number
			AND CASE WHEN r.start_time IS NULL THEN h.at > now() - interval '48 hours'
			    ELSE r.start_time BETWEEN h.at - interval '5 seconds' AND h.token_expires_at + interval '120 seconds' END`
)
