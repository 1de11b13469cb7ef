package metrics

// Webhook counts a request to the webhooks by its kind and its result, which
// package webhooks names.
func (m *Metrics) Webhook(kind, result string) { m.webhooks.WithLabelValues(kind, result).Inc() }
