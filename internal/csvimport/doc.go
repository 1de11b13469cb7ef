// Package intake turns a CSV of any size into the contacts of a campaign: in
// bounded memory, resumable, every refused row accounted for. It knows
// neither Vonage nor the queue.
package csvimport
