package httpapi

import "slices"

// Patterns are the routes that are served.
func Patterns() []string {
	var list []string
	for pattern := range routes {
		list = append(list, pattern)
	}
	list = append(list, "GET openapi.json") // served without a token
	slices.Sort(list)
	return list
}
