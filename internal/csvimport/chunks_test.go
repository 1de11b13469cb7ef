package csvimport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func settings() campaign.Settings {
	return testkit.Settings(func(s *campaign.Settings) {
		s.Message.Say = "Hello {{name}}, your water will be off tomorrow."
		s.Hours = campaign.Daily(9*60, 20*60)
		s.Zone = campaign.ZoneRecipient
	})
}

func options() Options { return Options{DefaultCountry: "GB", Now: noon} }

// people is a CSV of n good rows.
func people(n int) string {
	var b strings.Builder
	b.WriteString("name,phone\n")
	for i := range n {
		fmt.Fprintf(&b, "Person %d,07700 9%05d\n", i, i)
	}
	return b.String()
}

func read(t testing.TB, in io.Reader) *reader {
	t.Helper()
	r, err := newReader(in, settings(), options())
	require.NoError(t, err)
	return r
}

func TestChunksInFileOrder(t *testing.T) {
	t.Parallel()
	const n = 3*chunkRecords + 17
	line, count := 1, 0
	for c := range chunks(t.Context(), read(t, strings.NewReader(people(n)))) {
		count++
		for _, row := range c.rows.Rows {
			if line++; row.Line != line {
				t.Fatalf("line %d came where line %d should", row.Line, line)
			}
		}
	}
	if line != n+1 || count != 4 {
		t.Errorf("got to line %d in %d chunks, want %d in 4", line, count, n+1)
	}
}

func TestChunksOfLongRecords(t *testing.T) {
	t.Parallel()
	// Records that take 2 KiB with their two fields: 512 of them fill a chunk.
	text := strings.Repeat("x", 2048-2*fieldSize-len(",07700900001\n"))
	in := "name,phone\n" + strings.Repeat(text+",07700900001\n", 1500)
	var sizes []int
	for c := range chunks(t.Context(), read(t, strings.NewReader(in))) {
		sizes = append(sizes, len(c.records))
	}
	if !slices.Equal(sizes, []int{512, 512, 476}) {
		t.Errorf("chunks of %v records, want 512, 512 and the rest", sizes)
	}
}

var errDisk = errors.New("disk on fire")

func TestChunksBeforeReadError(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader(people(chunkRecords+5000)), failing{})
	rows := 0
	var last error
	for c := range chunks(t.Context(), read(t, broken)) {
		rows += len(c.rows.Rows)
		last = c.err
	}
	if !errors.Is(last, errDisk) || !strings.Contains(last.Error(), "line ") {
		t.Errorf("ended with %v, want the disk's error with its line", last)
	}
	if rows < chunkRecords {
		t.Errorf("%d rows before it, want at least %d", rows, chunkRecords)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestChunksEndWithContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	in, feed := io.Pipe() // never ends by itself
	defer feed.Close()
	go func() { _, _ = io.WriteString(feed, people(20*chunkRecords)) }()
	count := 0
	for range chunks(ctx, read(t, in)) {
		count++
		stop()
	}
	if count != 1 {
		t.Errorf("%d chunks after the context ended, want 1", count)
	}
}

func TestNextChunkAfterContextEnd(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	inOrder := make(chan *chunk, 100)
	for range cap(inOrder) {
		c := newChunk()
		close(c.parsed)
		inOrder <- c
		if nextChunk(ctx, inOrder) != nil {
			t.Fatal("there was a chunk after the context ended")
		}
	}
}
