package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// hiddenSecret is a secret like those of our packages.
type hiddenSecret struct{ text string }

func (hiddenSecret) LogValue() slog.Value         { return slog.StringValue("hidden") }
func (hiddenSecret) String() string               { return "hidden" }
func (hiddenSecret) MarshalText() ([]byte, error) { return []byte("hidden"), nil }

// A log is read in a terminal, or taken by a program. In both forms strangers' texts are
// only text, and no secret appears.
func TestLogForms(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b[2J\u202eb\n\"c\" level=ERROR\u009b"
	var out bytes.Buffer
	log := Console{Err: &out}.Harmless().Logger()
	if _, isJSON := log.Handler().(*slog.JSONHandler); !isJSON {
		t.Fatalf("a program gets %T", log.Handler())
	}
	secrets := struct {
		Key  hiddenSecret
		List []hiddenSecret
	}{hiddenSecret{"s3cret"}, []hiddenSecret{{"s3cret"}}}
	write := func(log *slog.Logger) {
		log.Info("a campaign runs", "campaign", evil, "error", errors.New(evil), "secret", hiddenSecret{"s3cret"}, "nested", secrets)
	}
	write(log)
	if strings.Count(out.String(), "\n") != 1 || strings.ContainsAny(out.String(), "\x1b\u202e\u009b") || strings.Contains(out.String(), "s3cret") {
		t.Errorf("JSON: %q", &out)
	}
	var line struct{ Time, Level, Msg, Campaign, Error, Secret string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Campaign != evil || line.Error != evil || line.Msg != "a campaign runs" || line.Level != "INFO" || line.Secret != "hidden" || line.Time == "" {
		t.Errorf("JSON: %+v, %v", line, err)
	}
	out.Reset()
	write(slog.New(slog.NewTextHandler(Harmless(&out), nil)))
	if strings.Count(out.String(), "\n") != 1 || strings.ContainsAny(out.String(), "\x1b\u202e\u009b") || strings.Contains(out.String(), "s3cret") {
		t.Errorf("text: %q", &out)
	}
	screen, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a device, like a terminal
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if _, isText := (Console{Err: screen}).Harmless().Logger().Handler().(*slog.TextHandler); !isText {
		t.Error("a terminal does not get words")
	}
}
