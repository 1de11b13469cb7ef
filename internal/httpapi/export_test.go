package httpapi

import "slices"

// Patterns are the routes that are served.
func Patterns() []string {
	var list []string
	for _, r := range routes {
		list = append(list, r.pattern)
	}
	list = append(list, "GET openapi.json") // served without a token
	slices.Sort(list)
	return list
}
