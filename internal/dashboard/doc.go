// Package dashboard is the pages: html/template, a small style sheet and a small
// script of our own, live by server-sent events. It calls use cases and shows what they
// read. It contains no rule of the domain.
package dashboard
