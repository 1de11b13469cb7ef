package storage

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// owner is the row to lock before an attempt may be changed: its contact, or the
// attempt itself if it is a manual call, which has no contact.
type owner struct {
	contact int64     // 0 for a manual call
	manual  uuid.UUID // the manual call's attempt
}

// ownerOf finds the owner of an attempt.
func ownerOf(ctx context.Context, tx pgx.Tx, attempt uuid.UUID) (owner, error) {
	rows, err := tx.Query(ctx, `SELECT id, contact_id FROM attempts WHERE id = $1`, attempt)
	if err != nil {
		return owner{}, err
	}
	t, err := pgx.CollectExactlyOneRow(rows, scanTarget)
	return t.owner, translate(err)
}

// target is an attempt and its owner.
type target struct {
	attempt uuid.UUID
	owner   owner
}

func scanTarget(row pgx.CollectableRow) (t target, err error) {
	if err = row.Scan(&t.attempt, (*zeronull.Int8)(&t.owner.contact)); t.owner.contact == 0 {
		t.owner.manual = t.attempt
	}
	return t, err
}

// compareOwners is the order in which owners are read: contacts by id, then
// manual calls.
func compareOwners(a, b owner) int {
	if c := cmp.Compare(b.contact, a.contact); c != 0 && (a.contact == 0 || b.contact == 0) {
		return c
	}
	return cmp.Or(cmp.Compare(a.contact, b.contact), bytes.Compare(a.manual[:], b.manual[:]))
}

func contactOwners(ids []int64) []owner {
	return column(ids, func(id int64) owner { return owner{contact: id} })
}

// split separates the contacts from the manual calls. Neither list is nil,
// because SQL takes nil for null.
func split(owners []owner) (contacts []int64, manual []uuid.UUID) {
	contacts, manual = []int64{}, []uuid.UUID{}
	for _, o := range owners {
		if o.contact != 0 {
			contacts = append(contacts, o.contact)
		} else {
			manual = append(manual, o.manual)
		}
	}
	return contacts, manual
}

// ownedBy is the owner of an attempt.
func ownedBy(contact int64, attempt uuid.UUID) owner {
	if contact == 0 {
		return owner{manual: attempt}
	}
	return owner{contact: contact}
}

func sortedOwners[T any](byOwner map[owner]T) []owner {
	list := make([]owner, 0, len(byOwner))
	for o := range byOwner {
		list = append(list, o)
	}
	slices.SortFunc(list, compareOwners)
	return list
}
