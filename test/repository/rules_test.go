package repository

// rule says which of our packages a package may import. Its test files may also import
// the packages in tests, the package itself (from an external test package), and the
// leaves of the test kit.
type rule struct {
	ours  []string
	tests []string
}

// packages has every package and its permitted imports: a package that is not here is an
// error. The directions are those of docs/internals/architecture.md.
var packages = map[string]rule{
	"campaign":           {},
	"voice":              {},
	"voice/voicesim":     {ours: []string{"voice"}},
	"storage":            {ours: []string{"campaign", "internal/app", "internal/background", "internal/failpoint"}, tests: []string{"internal/testkit"}},
	"jobs":               {ours: []string{"campaign", "internal/background", "internal/failpoint", "internal/pace", "internal/provider", "voice"}, tests: append([]string{"internal/app", "internal/reconcile"}, servers...)},
	"webhooks":           {ours: []string{"campaign", "internal/failpoint", "internal/provider", "voice"}, tests: servers},
	"internal/provider":  {ours: []string{"campaign", "voice"}},
	"internal/pace":      {ours: []string{"campaign", "internal/background", "internal/failpoint"}, tests: servers},
	"internal/reconcile": {ours: []string{"campaign", "internal/background", "internal/failpoint", "internal/provider", "voice"}, tests: servers},
	"internal/app":       {ours: []string{"campaign", "internal/background", "internal/failpoint"}, tests: servers},
	"internal/csvimport": {ours: []string{"campaign", "internal/failpoint"}, tests: servers},
	"internal/notify":    {ours: []string{"campaign"}, tests: append([]string{"internal/app"}, servers...)},
	"internal/metrics":   {ours: []string{"campaign", "internal/app"}},
	"internal/progress":  {ours: []string{"campaign", "internal/app"}},
	"internal/verify":    {ours: []string{"campaign", "internal/app", "voice/voicesim"}, tests: servers},
	"internal/httpapi":   {ours: []string{"campaign", "internal/app", "internal/auth", "internal/httpapi/operations"}, tests: append([]string{"internal/csvimport"}, servers...)},
	"internal/dashboard": {ours: []string{"campaign", "internal/app", "internal/auth"}, tests: append([]string{"internal/csvimport"}, servers...)},
	"internal/auth":      {},
	"internal/calendar":  {},
	"internal/cli":       {},
	"internal/embedded":  {},
	"internal/failpoint": {},

	"internal/background":         {},
	"internal/httpapi/operations": {},

	"internal/campaignflags": {ours: []string{"campaign", "internal/calendar"}},

	"cmd/dialer":  {ours: program, tests: []string{"internal/testkit"}},
	"cmd/enqueue": {ours: program, tests: []string{"internal/testkit"}},

	"internal/testkit":           {ours: []string{"campaign", "internal/app", "internal/embedded", "internal/testkit/require", "storage"}},
	"internal/testkit/benchtest": {},
	"internal/testkit/oidctest":  {},
	"internal/testkit/require":   {},
	"internal/testkit/testkey":   {},
	"test/chaos":                 {ours: append([]string{"test/fleet"}, program...)},
	"test/fleet":                 {ours: append([]string{"internal/testkit/testkey"}, program...)},
	"test/pace":                  {ours: append([]string{"test/fleet"}, program...)},
	"test/mutants":               {},
	"test/contract":              {tests: []string{"voice", "voice/voicesim"}},
	"test/histories":             {tests: []string{"campaign"}},
	"test/repository":            {tests: []string{"campaign", "internal/csvimport", "internal/failpoint"}},
}

// leaves are what any test may import.
var leaves = []string{"internal/testkit/benchtest", "internal/testkit/oidctest", "internal/testkit/require", "internal/testkit/testkey"}

// servers are the packages for tests that need a database, a Redis or Vonage.
var servers = []string{"internal/embedded", "internal/testkit", "storage", "voice/voicesim"}

// program is what the commands wire: everything except packages for tests.
var program = []string{
	"campaign", "internal/app", "internal/auth", "internal/background", "internal/calendar", "internal/campaignflags", "internal/cli", "internal/csvimport", "internal/dashboard", "internal/embedded",
	"internal/failpoint", "internal/httpapi", "internal/metrics", "internal/notify", "internal/pace", "internal/progress",
	"internal/provider", "internal/reconcile", "internal/verify", "jobs", "storage", "voice", "voice/voicesim", "webhooks",
}

// libraries are imports that only the named packages may use, so that each can be
// replaced in one place.
var libraries = map[string][]string{
	"github.com/alecthomas/kong":                 {"internal/cli", "cmd/dialer", "cmd/enqueue"},
	"github.com/alicebob/miniredis":              {"internal/embedded"},
	"github.com/arran4/golang-ical":              {"internal/calendar"},
	"github.com/fergusstrange/embedded-postgres": {"internal/embedded"},
	"github.com/chromedp":                        {"cmd/dialer"},
	"github.com/getkin/kin-openapi":              {"internal/httpapi", "test/contract"},
	"github.com/go-playground/locales":           {"campaign"},
	"github.com/goccy/go-yaml":                   {"campaign", "cmd/dialer"}, // cmd/dialer: a test that reads the schema in its order
	"github.com/golang-jwt/jwt":                  {"voice"},
	"github.com/hibiken/asynq":                   {"jobs"},
	"github.com/jackc/pgx":                       {"storage", "internal/testkit"},
	"github.com/nyaruka/phonenumbers":            {"campaign"},
	"github.com/oapi-codegen/runtime":            {"internal/httpapi/operations"},
	"github.com/pressly/goose":                   {"storage"},
	"github.com/prometheus/client_golang":        {"internal/metrics"},
	"github.com/redis/go-redis":                  {"jobs"},
	"github.com/wlynxg/chardet":                  {"internal/csvimport"},
	"golang.org/x/text":                          {"campaign", "internal/csvimport"},
	"github.com/jedib0t/go-pretty":               {"cmd/dialer"},
	"github.com/joho/godotenv":                   {"internal/cli"},
	"github.com/schollz/progressbar":             {"internal/progress"},
	"golang.org/x/term":                          {"internal/progress"},
	"github.com/standard-webhooks":               {"internal/notify"},
	"github.com/coreos/go-oidc":                  {"internal/auth"},
	"golang.org/x/oauth2":                        {"internal/auth"},
	"github.com/teambition/rrule-go":             {"internal/calendar"},
	"golang.org/x/crypto":                        {"internal/auth"},
	"golang.org/x/time":                          {"internal/auth", "internal/pace", "jobs"},
}

// sleepers are the test files that may sleep in real time, and why. All others
// wait with require.Eventually, or sleep in a synctest bubble.
var sleepers = map[string]string{
	"jobs/bench_test.go":         "measures the memory that a queue takes in a span of time",
	"voice/voicesim/sim_test.go": "polls inside and outside of bubbles",
}
