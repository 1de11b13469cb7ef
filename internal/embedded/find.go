package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// errNotFound means that the program is not installed.
var errNotFound = errors.New("not found")

// postgresDirs are where packages install the server's programs. Most are not on
// PATH.
var postgresDirs = []string{
	"/usr/lib/postgresql/*/bin",                               // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                        // RPMs of postgresql.org
	"/usr/lib/postgresql*/bin",                                // SUSE
	"/usr/libexec/postgresql*",                                // Alpine
	"/opt/homebrew/opt/postgresql*/bin",                       // Homebrew on ARM
	"/usr/local/opt/postgresql*/bin",                          // Homebrew on Intel
	"/Applications/Postgres.app/Contents/Versions/latest/bin", // Postgres.app
	"/usr/local/pgsql/bin",                                    // built from source
}

var redisDirs = []string{
	"/usr/bin",
	"/usr/sbin",
	"/usr/local/bin",
	"/opt/homebrew/bin",
	"/opt/homebrew/opt/redis/bin",
	"/opt/homebrew/opt/valkey/bin",
	"/usr/local/opt/redis/bin",
	"/usr/local/opt/valkey/bin",
}

// findPostgres returns the folder with initdb and postgres. Debian's
// postgresql-client uses the same folder, so it looks for both.
func (m machine) findPostgres() (string, error) {
	if file, err := onPath(m.getenv("PATH"), "postgres"); err == nil {
		// The file on PATH is often a link, and initdb looks for its files
		// beside the target.
		if real, err := filepath.EvalSymlinks(file); err == nil && executable(filepath.Dir(real), "initdb") {
			return filepath.Dir(real), nil
		}
	}
	for _, pattern := range m.postgresDirs {
		for _, dir := range newestFirst(pattern) {
			if executable(dir, "postgres") && executable(dir, "initdb") {
				return dir, nil
			}
		}
	}
	return "", errNotFound
}

func (m machine) findRedis() (string, error) {
	names := []string{"redis-server", "valkey-server"}
	for _, name := range names {
		if file, err := onPath(m.getenv("PATH"), name); err == nil {
			return file, nil
		}
	}
	for _, dir := range m.redisDirs {
		for _, name := range names {
			if executable(dir, name) {
				return filepath.Join(dir, name), nil
			}
		}
	}
	return "", errNotFound
}

// onPath is exec.LookPath for a given PATH.
func onPath(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		if filepath.IsAbs(dir) && executable(dir, name) {
			return filepath.Join(dir, name), nil
		}
	}
	return "", errNotFound
}

func executable(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// newestFirst expands the pattern and orders the folders by the version in
// their names: 17 comes before 9.6.
func newestFirst(pattern string) []string {
	dirs, _ := filepath.Glob(pattern) // the only error is a malformed pattern, and ours are constant
	slices.SortStableFunc(dirs, func(a, b string) int {
		return slices.Compare(version(b), version(a))
	})
	return dirs
}

func version(dir string) []int {
	var numbers []int
	for _, field := range strings.FieldsFunc(dir, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(field); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
