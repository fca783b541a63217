// Package dashboard is the web application: routes, pages, the live address, the API. Another Go program mounts it as
// an http.Handler and runs it.
package dashboard

import (
	"context"
	"net/http"
)

// Dashboard serves the pages, the live address and the API.
type Dashboard struct{}

// New checks opts and returns a Dashboard that serves once Run is called. Errors name the wrong value and what is allowed.
func New(opts Options) (*Dashboard, error) { panic("later") }

// Run polls, and serves what waits for readings, until ctx ends. Then it stops accepting streams (readyz 503), says bye to all with spread
// retries, waits until they have gone (5 s at most) and returns.
func (d *Dashboard) Run(ctx context.Context) error { panic("later") }

// ServeHTTP serves every address.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { panic("later") }

// BuiltinBoards are overview, sensors, stocks and weather.
func BuiltinBoards() []Board { panic("later") }
