package storage_test

import (
	"testing"

	"dialer/storage"
)

func TestMayBePlain(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"postgres://u:p@db.example.com/d":                        true, // prefer is the default
		"postgres://u:p@db.example.com/d?sslmode=disable":        true,
		"postgres://u:p@db.example.com/d?sslmode=allow":          true,
		"postgres://u:p@10.0.0.5,localhost/d":                    true,
		"postgres://u:p@db.example.com/d?sslmode=require":        false,
		"postgres://u:p@db.example.com/d?sslmode=verify-full":    false,
		"postgres://u:p@localhost/d":                             false,
		"postgres://u:p@127.0.0.1:5432/d?sslmode=disable":        false,
		"postgres://u:p@[::1]/d":                                 false,
		"postgres:///d?host=/var/run/postgresql&sslmode=disable": false,
	} {
		if got := storage.MayBePlain(url); got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
	}
}
