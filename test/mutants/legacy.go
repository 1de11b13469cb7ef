package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// replacement is a guard in the old form, by a copy of its text. They move
// into markers with the code that they are about; add none here.
type replacement struct {
	sentence string // what is taken away
	file     string // from the repository's root
	text     string // stands in it once
	by       string // takes its place
	dir      string // of the package whose test must fail
	test     string // its name
}

func (r replacement) guard(root string) (guard, error) {
	source, err := os.ReadFile(filepath.Join(root, r.file))
	if err != nil {
		return guard{}, err
	}
	if n := bytes.Count(source, []byte(r.text)); n != 1 {
		return guard{}, fmt.Errorf("%s: the text to replace stands in %s %d times, want once: %q", r.sentence, r.file, n, r.text)
	}
	at := bytes.Index(source, []byte(r.text))
	return guard{sentence: r.sentence, file: r.file, dir: r.dir, test: r.test, change: edit{from: at, to: at + len(r.text), text: r.by}}, nil
}

var replacements = []replacement{
	// At most one POST for each attempt.

	// Nothing is sent too late.

	// Whoever may not be called is not.

	// One open attempt a number.

	// Absence is proved, not guessed.

	// A record binds to its own attempt.

	// Facts only grow.

	// The books balance.

	// Nothing is lost.

	// The pure rules, each held by random histories: see campaign/histories.

	// Who is hung up, and who never is.

	// A database that may have forgotten something.
	{"hold: a reading of two servers is none", "storage/hold.go",
		"if i.Hold.Moved(found) || h.Moved(found) {", "if false {", "storage", "TestSecondFailoverBeginsTheReadingsAnew"},
	{"hold: the mark finds a second failover", "campaign/installation.go",
		"case i.Hold.Moved(found):", "case false:", "storage", "TestSecondFailoverBeginsTheReadingsAnew"},
	{"hold: the mark judges by what the process saw", "storage/place.go",
		"s == nil || s.installation != i.ID", "s == nil || i.ID != \"\"", "storage", "TestMarkRemembersHowFarTheDatabaseGot"},
	{"hold: what was seen before an adoption is over", "storage/place.go",
		"s == nil || s.installation != i.ID", "s == nil", "storage", "TestAdoptionEndsWhatWasKnownOfTheOldMark"},
	{"hold: another installation's mark says nothing", "storage/hold.go",
		"err != nil || w.Of != \"\" && w.Of != i.ID", "err != nil", "storage", "TestAdoptionEndsWhatWasKnownOfTheOldMark"},
	{"hold: the second reading shows what the first saw", "storage/hold.go",
		"FROM foreign_calls WHERE start_time", "FROM foreign_calls WHERE false AND start_time", "jobs", "TestSecondReadingMustShowWhatTheFirstSaw"},
	{"hold: one word does for both readings", "storage/hold.go",
		"read_at = clock_timestamp(), misses = 0`)", "read_at = clock_timestamp(), misses = 0, missed_at = NULL`)", "storage", "TestReadingThatLacksCallsWaitsForAWord"},
	{"hold: a person's word is about one hold", "storage/place.go",
		"w.word = 'despite missing' AND w.at > i.missed_at", "w.word = 'despite missing'", "storage", "TestReadingThatLacksCallsWaitsForAWord"},
	{"hold: a word is given only for what was missing", "storage/hold.go",
		"case i.Hold.Misses == 0 || i.Hold.Waits():", "case false:", "storage", "TestReadingThatLacksCallsWaitsForAWord"},
	{"hold: who ended meanwhile may have been called", "storage/foldback.go",
		"(k.state <> 'done' OR ` + endedSince + `)", "k.state <> 'done'", "storage", "TestForgottenCallOfSomebodyWhoEndedMeanwhile"},
	{"hold: who had ended before was not called", "storage/foldback.go",
		"AND c.stopped_at >= @known", "", "storage", "TestForgottenCallOfSomebodyWhoEndedMeanwhile"},
	{"hold: a forgotten call of several is nobody's", "storage/foldback.go",
		"if len(f.contacts) > 1 {", "if false {", "storage", "TestForgottenCallOfOneOfTwoContactsIsNobodys"},
	{"hold: an earlier schema is not dialed from", "storage/place.go",
		"if seen == nil {", "if true {", "storage", "TestABackupOfAnEarlierSchemaIsNotDialedFrom"},
	{"hold: a database of before its adoption is not dialed from", "storage/place.go",
		"case seen != nil && seen.installation != i.ID", "case seen != nil && false", "storage", "TestABackupOfBeforeTheAdoptionIsNotDialedFrom"},
	{"an older program refuses a schema that needs a later", "storage/place.go",
		"if i.NeedsSchema > newestMigration {", "if false {", "storage", "TestOlderProgramRefusesASchemaThatNeedsALater"},
}
