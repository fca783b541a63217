package dashboard

import "github.com/go-chi/chi/v5"

// Routes are all addresses, for tests.
func (d *Dashboard) Routes() chi.Routes { return d.handler.(chi.Routes) }
