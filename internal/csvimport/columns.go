package csvimport

import (
	"slices"

	"dialer/campaign"
)

// Columns names the meaning of a file's columns, by the header's names.
type Columns struct {
	To         string   // of the first number to call
	More       []string // of a person's further numbers, in their order
	Key        string   // "": the number is the key
	Zone       string   // "" when there is none
	PostalCode string   // "" when there is none
	CallAt     string   // "" when there is none
	CallBefore string   // "" when there is none
	Vars       []string // all that have a name, in the file's order, without those that an export added
}

// Others are the columns that have no meaning of their own.
func (c Columns) Others() []string {
	return slices.DeleteFunc(slices.Clone(c.Vars), func(name string) bool {
		return slices.Contains([]string{c.To, c.Zone, c.PostalCode, c.CallAt, c.CallBefore}, name) || slices.Contains(c.More, name)
	})
}

func (h header) columns() Columns {
	c := Columns{To: h.ownName(columnTo), Zone: h.ownName(columnZone), CallAt: h.ownName(columnCallAt), CallBefore: h.ownName(columnCallBefore), PostalCode: h.ownName(columnPostalCode)}
	for _, at := range h.more {
		c.More = append(c.More, h.names[at])
	}
	if h.key >= 0 {
		c.Key = h.names[h.key]
	}
	for i, name := range h.keys {
		if h.isVar(i) {
			c.Vars = append(c.Vars, name)
		}
	}
	return c
}

// mapping says which of the file's columns are ours, as --map would.
func (h header) mapping() map[string]string {
	mapping := map[string]string{}
	for i, column := range ownColumns {
		mapping[column.name] = h.ownName(i)
	}
	for _, at := range h.more {
		mapping[ownColumns[columnTo].name] += numbersSign + h.names[at]
	}
	return mapping
}

// ownName is the file's name of one of our columns; "" when there is none.
func (h header) ownName(own int) string {
	if h.own[own] < 0 {
		return ""
	}
	return h.names[h.own[own]]
}

// ownField is the trimmed value of one of our columns; "" when there is none.
func (h header) ownField(own int, fields []string) string {
	if h.own[own] < 0 {
		return ""
	}
	return campaign.CellValue(fields[h.own[own]])
}

// vars are the values of the row's columns, by name.
func (h header) vars(fields []string) map[string]string {
	vars := make(map[string]string, len(h.names))
	for i, name := range h.keys {
		if h.isVar(i) {
			vars[name] = campaign.CellValue(fields[i])
		}
	}
	return vars
}

// isVar reports whether a column has a name and does not come from an export.
func (h header) isVar(i int) bool { return h.names[i] != "" && !ofExport(h.names[i]) }

// need notes which columns a row must have: ours, the key, and those without a fallback
// in the message.
func (h header) need(message []string) {
	for i, key := range h.keys {
		own := slices.Index(h.own[:], i)
		h.used[i] = own >= 0 && own != columnPostalCode || slices.Contains(h.more, i) || i == h.key || slices.Contains(message, key)
	}
}

// varNames are the names of the row's columns, as the file has them.
func (h header) varNames() []string {
	var names []string
	for i, name := range h.names {
		if h.isVar(i) {
			names = append(names, name)
		}
	}
	return names
}
