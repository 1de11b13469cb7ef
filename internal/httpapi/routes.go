package httpapi

import (
	"strings"

	"dialer/internal/app"
)

// route is one thing that can be asked for.
type route struct {
	pattern string // the method, and the path below /api/v1/
	least   app.Role
	serve   func(*api, request) (answer, error)
	creates bool // it takes an Idempotency-Key
	calls   bool // it calls somebody: who knows whether it did does not do it again
	slow    bool // it may take minutes
	rows    bool // its body holds people
}

// reads reports whether it changes nothing.
func (r route) reads() bool { return strings.HasPrefix(r.pattern, "GET ") }

// routes are all there are. openapi.json describes each.
var routes = []route{
	{pattern: "GET campaigns", least: app.Viewer, serve: (*api).listCampaigns},
	{pattern: "POST campaigns", least: app.Operator, serve: (*api).createCampaign, creates: true},
	{pattern: "GET campaigns/{name}", least: app.Viewer, serve: (*api).getCampaign},
	{pattern: "PATCH campaigns/{name}", least: app.Operator, serve: (*api).patchCampaign},
	{pattern: "POST campaigns/{name}/pause", least: app.Operator, serve: (*api).pause},
	{pattern: "POST campaigns/{name}/resume", least: app.Operator, serve: (*api).resume},
	{pattern: "POST campaigns/{name}/stop", least: app.Operator, serve: (*api).stop, slow: true},
	{pattern: "GET campaigns/{name}/contacts", least: app.Viewer, serve: (*api).listContacts},
	{pattern: "POST campaigns/{name}/contacts", least: app.Operator, serve: (*api).importContacts, creates: true, slow: true, rows: true},
	{pattern: "GET campaigns/{name}/contacts/{key}", least: app.Viewer, serve: (*api).getContact},
	{pattern: "PUT campaigns/{name}/contacts/{key}", least: app.Operator, serve: (*api).putContact},
	{pattern: "DELETE campaigns/{name}/contacts/{key}", least: app.Operator, serve: (*api).deleteContact},
	{pattern: "GET imports/{id}", least: app.Viewer, serve: (*api).getImport},
	{pattern: "DELETE numbers/{number}", least: app.Admin, serve: (*api).erase, slow: true},
	{pattern: "GET numbers/{number}/why", least: app.Viewer, serve: (*api).why},
	{pattern: "GET calls", least: app.Viewer, serve: (*api).listCalls},
	{pattern: "POST calls", least: app.Operator, serve: (*api).createCall, creates: true, calls: true, slow: true},
	{pattern: "GET calls/{uuid}", least: app.Viewer, serve: (*api).getCall},
	{pattern: "POST calls/{uuid}/{action}", least: app.Operator, serve: (*api).actOnCall},
	{pattern: "GET suppressions", least: app.Viewer, serve: (*api).listSuppressions},
	{pattern: "POST suppressions", least: app.Operator, serve: (*api).suppress, creates: true},
	{pattern: "DELETE suppressions/{number}", least: app.Operator, serve: (*api).unsuppress},
	{pattern: "GET alarms", least: app.Viewer, serve: (*api).listAlarms},
	{pattern: "POST alarms/{id}/resolve", least: app.Admin, serve: (*api).resolveAlarm},
	{pattern: "GET audit", least: app.Viewer, serve: (*api).listAudit},
}
