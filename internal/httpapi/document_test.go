package httpapi_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"dialer/internal/httpapi"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/getkin/kin-openapi/openapi3"
)

// Each route is in the document, and each operation of the document has a route.
func TestDocumentHasEveryRoute(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(httpapi.Document)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	var documented []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+strings.TrimPrefix(path, "/"))
		}
	}
	slices.Sort(documented)
	if got := httpapi.Patterns(); !slices.Equal(got, documented) {
		t.Errorf("served %q\ndocumented %q", got, documented)
	}
}

// The columns of the reporting views are in the document.
func TestDocumentHasEveryColumn(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	doc, err := openapi3.NewLoader().LoadFromData(httpapi.Document)
	require.NoError(t, err)
	for view, schema := range map[string]string{"campaigns": "Campaign", "contacts": "Contact", "attempts": "Call", "suppressions": "Suppression", "alarms": "Alarm"} {
		for _, column := range testkit.Rows[string](t, db, `SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'reporting' AND table_name = $1`, view) {
			if doc.Components.Schemas[schema].Value.Properties[column] == nil {
				t.Errorf("%s of reporting.%s is not in the schema %s", column, view, schema)
			}
		}
	}
}

func TestDocumentIsWellFormed(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	require.NoError(t, json.Indent(&buf, httpapi.Document, "", " "))
	if strings.TrimSpace(buf.String()) != strings.TrimSpace(string(httpapi.Document)) {
		t.Error("openapi.json is not indented by one blank")
	}
}
