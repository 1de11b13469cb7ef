package storage_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"

	"dialer/internal/testkit"
	"dialer/storage"
)

func TestOpenRefusesToAcknowledgeBeforeTheDisk(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for given, want := range map[string]string{"": "on", "off": "on", "local": "on", "remote_apply": "remote_apply"} {
		db.Exec(t, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET synchronous_commit', current_database()); END $$`)
		if given != "" {
			db.Exec(t, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = `+given+`', current_database()); END $$`)
		}
		fresh, err := storage.Open(t.Context(), db.URL)
		if err != nil {
			t.Fatal(err)
		}
		got := fresh.SessionSetting(t.Context(), "synchronous_commit")
		fresh.Close()
		if got != want {
			t.Errorf("the database says %q: connections use %q, want %q", given, got, want)
		}
	}
}

func TestOpenErrorsKeepThePassword(t *testing.T) {
	t.Parallel()
	for _, u := range []string{
		"postgres://user:hunter2@127.0.0.1:1/x?connect_timeout=1", "postgres://user:hunter2@host:notaport/x",
	} {
		_, err := storage.Open(t.Context(), u)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open = %v, want an error without the password", err)
		}
	}
}

// A way of asking in which an error of Postgres would show numbers and messages is
// refused, although the database is there and would answer.
func TestOpenRefusesToSendValuesAsText(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for mode, refused := range map[string]bool{
		"simple_protocol": true, "exec": true, "describe_exec": true, "cache_describe": false, "cache_statement": false,
	} {
		asked, err := storage.Open(t.Context(), with(t, db.URL, map[string]string{"default_query_exec_mode": mode}))
		if err == nil {
			asked.Close()
		}
		if got := err != nil && strings.Contains(err.Error(), "default_query_exec_mode"); got != refused || err != nil && !refused {
			t.Errorf("%s: %v, want it refused: %v", mode, err, refused)
		}
	}
}

// Several processes that start at once migrate an empty database: one works,
// the others wait.
func TestMigrateConcurrently(t *testing.T) {
	t.Parallel()
	u := testkit.Empty(t)
	var processes sync.WaitGroup
	for range 4 {
		processes.Go(func() {
			db, err := storage.Open(t.Context(), u)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			_, err = db.Migrate(t.Context())
			check(t, err)
		})
	}
	processes.Wait()
}

func with(t *testing.T, databaseURL string, settings map[string]string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, value := range settings {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// A schema that comes before pg_catalog imitates the standby.
func TestOpenRefusesAStandby(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.Exec(t, `CREATE SCHEMA standby; CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql RETURN true`)
	_, err := storage.Open(t.Context(), with(t, db.URL, map[string]string{"search_path": "standby,pg_catalog,public"}))
	if err == nil || !strings.Contains(err.Error(), "is a standby") {
		t.Errorf("Open = %v, want an error about a standby", err)
	}
}

func TestURLMaySetThePool(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	own, err := storage.Open(t.Context(), with(t, db.URL, map[string]string{"pool_max_conns": "2", "statement_timeout": "1234ms"}))
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if got := own.SessionSetting(t.Context(), "statement_timeout"); got != "1234ms" {
		t.Errorf("statement_timeout %s, want the URL's", got)
	}
}

// However many events and calls arrive at once, some connections stay free for other
// work.
func TestBatchersLeaveConnections(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if n := db.BatchConnections(); n >= storage.LeastConns {
		t.Errorf("batchers use %d connections, the smallest pool has %d", n, storage.LeastConns)
	}
}
