package httpapi

import (
	"net/http"
	"strings"

	"dialer/internal/app"
)

// route has the rules of an operation that apply before it is served.
type route struct {
	least   app.Role
	creates bool // it takes an Idempotency-Key
	calls   bool // it calls somebody, so it must not be repeated if it may have called
	slow    bool // it may take minutes
	json    bool // its body, if any, is one JSON value
	rows    bool // its body holds people
	counts  bool // it reads the calls of a month or more

	pattern string // the method, and the path below /api/v1/
	serve   http.HandlerFunc
}

// reads reports whether the operation only reads.
func (r route) reads() bool { return strings.HasPrefix(r.pattern, "GET ") }

// routes are all routes, by their patterns.
var routes = map[string]route{
	"GET campaigns":                             {least: app.Viewer},
	"POST campaigns":                            {least: app.Operator, json: true, creates: true},
	"GET campaigns/{name}":                      {least: app.Viewer},
	"PATCH campaigns/{name}":                    {least: app.Operator, json: true},
	"GET campaigns/{name}/report":               {least: app.Viewer, slow: true, counts: true},
	"POST campaigns/{name}/pause":               {least: app.Operator, json: true},
	"POST campaigns/{name}/resume":              {least: app.Operator},
	"POST campaigns/{name}/stop":                {least: app.Operator, slow: true},
	"GET campaigns/{name}/contacts":             {least: app.Viewer},
	"POST campaigns/{name}/contacts":            {least: app.Operator, creates: true, slow: true, rows: true},
	"GET campaigns/{name}/contacts/{key}":       {least: app.Viewer},
	"PUT campaigns/{name}/contacts/{key}":       {least: app.Operator, json: true},
	"DELETE campaigns/{name}/contacts/{key}":    {least: app.Operator},
	"GET imports/{id}":                          {least: app.Viewer},
	"DELETE numbers/{number}":                   {least: app.Admin, slow: true},
	"GET numbers/{number}/why":                  {least: app.Viewer},
	"GET calls":                                 {least: app.Viewer},
	"POST calls":                                {least: app.Operator, json: true, creates: true, calls: true, slow: true},
	"GET calls/{uuid}":                          {least: app.Viewer},
	"POST calls/{uuid}/{action}":                {least: app.Operator, json: true},
	"GET suppressions":                          {least: app.Viewer},
	"POST suppressions":                         {least: app.Operator, json: true, creates: true},
	"DELETE suppressions/{number}":              {least: app.Operator},
	"GET alarms":                                {least: app.Viewer},
	"POST alarms/{id}/resolve":                  {least: app.Admin},
	"GET audit":                                 {least: app.Viewer},
	"GET report":                                {least: app.Viewer, slow: true, counts: true},
	"POST campaigns/{name}/contacts/{key}/call": {least: app.Operator},
}

// router takes the operations of openapi.json from the generated code, and applies the
// route's rules before each.
type router struct {
	a *api
	*http.ServeMux
}

// HandleFunc is called for each operation.
func (r router) HandleFunc(pattern string, operation func(http.ResponseWriter, *http.Request)) {
	short := strings.Replace(pattern, prefix, "", 1)
	of, ok := routes[short]
	if !ok {
		panic("httpapi: routes.go does not say which role may " + pattern)
	}
	of.pattern, of.serve = short, operation
	r.Handle(pattern, r.a.handler(of))
}
