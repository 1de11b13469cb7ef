// Package app declares what people can ask of the dialer and change in it. So
// far it holds read models, which storage fills.
package app
