package metrics

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit/require"
)

// The alert rules and the board name only existing metrics and kinds of alarms.
func TestMonitoringFiles(t *testing.T) {
	t.Parallel()
	var names, kinds []string
	for _, n := range Names {
		names = append(names, n.Name)
		if n.Kind == Histogram {
			names = append(names, n.Name+"_bucket", n.Name+"_sum", n.Name+"_count")
		}
	}
	for _, k := range campaign.AlarmKinds {
		kinds = append(kinds, k.Kind)
	}
	const rules, board = "../../docs/monitoring/alerts.yml", "../../docs/monitoring/grafana.json"
	for _, path := range []string{rules, board} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		found := regexp.MustCompile(`\bdialer_[a-z_]+`).FindAllString(string(text), -1)
		if len(found) < 10 {
			t.Errorf("%s names %d metrics", path, len(found))
		}
		for _, name := range found {
			if !slices.Contains(names, name) {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
		for _, match := range regexp.MustCompile(`kind=~?"([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			for kind := range strings.SplitSeq(match[1], "|") {
				if !slices.Contains(kinds, kind) {
					t.Errorf("%s: there is no alarm of the kind %s", path, kind)
				}
			}
		}
	}
	text, err := os.ReadFile(board)
	require.NoError(t, err)
	if !json.Valid(text) {
		t.Errorf("%s is no JSON", board)
	}
	if promtool, err := exec.LookPath("promtool"); err == nil { // where it is installed
		if out, err := exec.Command(promtool, "check", "rules", rules).CombinedOutput(); err != nil {
			t.Errorf("promtool: %v\n%s", err, out)
		}
	}
}
