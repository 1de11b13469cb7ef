// Package pace keeps the account's two limits, for new calls and for all other requests,
// across all processes. Before a request is sent, Pacer.Wait gives a Permit for one
// moment. The budget is one row in Postgres, so losing Redis changes nothing, and without
// the database no request is sent. The package does not send requests and does not decide
// who is called.
package pace
