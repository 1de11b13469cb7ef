package campaign

import _ "embed"

// DocumentSchema is the JSON Schema of the campaign document.
//
//go:embed document.schema.json
var DocumentSchema []byte
