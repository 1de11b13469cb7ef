package contract_test

import (
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"dialer/internal/testkit/require"

	"github.com/getkin/kin-openapi/openapi3"
)

// The two forms that the document has where the contract and today's API differ.
// The names of its schemas end in these words.
const (
	today       = "Today"
	oldContract = "Contract"
)

// load reads the document and keeps one of the two forms.
func load(t testing.TB, form string) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	require.NoError(t, err)
	other := today
	if form == today {
		other = oldContract
	}
	for _, ref := range doc.Components.Schemas {
		ref.Value.OneOf = without(ref.Value.OneOf, other)
		ref.Value.AnyOf = without(ref.Value.AnyOf, other)
	}
	require.NoError(t, doc.Validate(t.Context()))
	return doc
}

// without removes the alternatives whose name ends in form.
func without(list openapi3.SchemaRefs, form string) openapi3.SchemaRefs {
	return slices.DeleteFunc(list, func(ref *openapi3.SchemaRef) bool { return strings.HasSuffix(ref.Ref, form) })
}

// component is a schema of the document, by its name.
func component(t testing.TB, doc *openapi3.T, name string) *openapi3.Schema {
	t.Helper()
	ref, found := doc.Components.Schemas[name]
	if !found {
		t.Fatalf("the document has no schema %s", name)
	}
	return ref.Value
}

func decode(t testing.TB, body []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// field is a member of one of the document's objects.
type field struct {
	of   *openapi3.Schema
	name string
}

// coverage has every field of the bodies and queries in the document, and says which
// were seen on the wire. A field that the client or the simulator drops is never
// seen.
type coverage struct {
	names   map[field]string // of the field in the document
	seen    map[field]bool
	visited map[*openapi3.Schema]bool
}

func newCoverage(doc *openapi3.T) *coverage {
	c := &coverage{names: map[field]string{}, seen: map[field]bool{}, visited: map[*openapi3.Schema]bool{}}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			c.addOperation(op)
		}
	}
	return c
}

func (c *coverage) addOperation(op *openapi3.Operation) {
	for _, p := range op.Parameters {
		if p.Value.Schema.Ref != "" && p.Value.Style == openapi3.SerializationForm {
			c.addFields(op.OperationID, p.Value.Schema) // each member is a parameter
			continue
		}
		c.names[field{p.Value.Schema.Value, p.Value.Name}] = op.OperationID + "?" + p.Value.Name
	}
	if op.RequestBody != nil {
		c.addContent(op.OperationID, op.RequestBody.Value.Content)
	}
	for _, response := range op.Responses.Map() {
		c.addContent(op.OperationID, response.Value.Content)
	}
	for _, callback := range op.Callbacks {
		for _, item := range callback.Value.Map() {
			for _, op := range item.Operations() {
				c.addOperation(op)
			}
		}
	}
}

func (c *coverage) addContent(place string, content openapi3.Content) {
	for _, media := range content {
		c.addFields(place, media.Schema)
	}
}

// addFields adds all fields of a schema.
func (c *coverage) addFields(place string, ref *openapi3.SchemaRef) {
	if ref == nil || c.visited[ref.Value] {
		return
	}
	if ref.Ref != "" {
		place = path.Base(ref.Ref)
	}
	s := ref.Value
	c.visited[s] = true
	for name, member := range s.Properties {
		c.names[field{s, name}] = place + "." + name
		c.addFields(place+"."+name, member)
	}
	c.addFields(place, s.Items)
	for _, part := range parts(s) {
		c.addFields(place, part)
	}
}

// parts are the schemas of which a schema consists.
func parts(s *openapi3.Schema) openapi3.SchemaRefs {
	return slices.Concat(s.AllOf, s.OneOf, s.AnyOf)
}

// mark marks the fields of a value with schema s as seen.
func (c *coverage) mark(s *openapi3.Schema, value any) {
	for _, part := range parts(s) {
		if part.Value.VisitJSON(value) == nil {
			c.mark(part.Value, value)
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if ref := s.Properties[name]; ref != nil {
				c.seen[field{s, name}] = true
				c.mark(ref.Value, member)
			}
		}
	case []any:
		for _, item := range v {
			if s.Items != nil {
				c.mark(s.Items.Value, item)
			}
		}
	}
}

// fromQuery turns the GET form of a callback into its JSON form, with the alternative
// of s that fits: an empty value is null, and a value that is not a string is JSON.
func fromQuery(s *openapi3.Schema, q url.Values) any {
	var body any
	for _, part := range alternatives(s) {
		members := map[string]any{}
		for name := range q {
			members[name] = fromText(part.Properties[name], q.Get(name))
		}
		if body = members; part.VisitJSON(body) == nil {
			return body
		}
	}
	return body
}

// alternatives are the objects among the parts of a schema.
func alternatives(s *openapi3.Schema) []*openapi3.Schema {
	if len(parts(s)) == 0 {
		return []*openapi3.Schema{s}
	}
	var list []*openapi3.Schema
	for _, part := range parts(s) {
		list = append(list, alternatives(part.Value)...)
	}
	return list
}

func fromText(ref *openapi3.SchemaRef, text string) any {
	is := func(does func(*openapi3.Schema) bool) bool {
		return ref != nil && slices.ContainsFunc(alternatives(ref.Value), does)
	}
	var v any
	switch {
	case text == "" && is(func(s *openapi3.Schema) bool { return s.Nullable }):
		return nil
	case is(func(s *openapi3.Schema) bool { return s.Type.Is("string") }), json.Unmarshal([]byte(text), &v) != nil:
		return text
	}
	return v
}

// unseen are the names of the fields that were never seen.
func (c *coverage) unseen() []string {
	var names []string
	for f, name := range c.names {
		if !c.seen[f] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
