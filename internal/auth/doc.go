// Package auth is how people and programs prove who they are: tokens, passwords,
// logins at an OpenID Connect provider, and how often they may try. It stores nothing and
// does not decide rights: package app does.
package auth
