package dashboard

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pulsewall/pulsewall/feeds"
)

// pushPath begins the addresses that feeds are pushed to.
const pushPath = "/api/feeds/"

// pushedTo are the feeds that programs push to, by name.
func pushedTo(list []feeds.Feed) map[string]*feeds.Push {
	out := make(map[string]*feeds.Push)
	for _, f := range list {
		if p, ok := feeds.PushOf(f.Source); ok {
			out[f.Name] = p
		}
	}
	return out
}

// receipt of a push.
type pushReceipt struct {
	Feed     string `json:"feed"`
	UnionID  string `json:"unionId,omitempty"`
	Records  int    `json:"records"`
	At       stamp  `json:"at"`
	Degraded bool   `json:"degraded"`
}

// postRecords takes the records of a feed that is pushed to. Who pushes is known by the feed's key and by nothing else.
func (d *Dashboard) postRecords(w http.ResponseWriter, r *http.Request) {
	receipt, err := d.takeRecords(w, r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusAccepted, receipt)
}

func (d *Dashboard) takeRecords(w http.ResponseWriter, r *http.Request) (pushReceipt, error) {
	if err := d.checkOrigin(r); err != nil {
		return pushReceipt{}, err
	}
	name := chi.URLParam(r, "name")
	push := d.pushes[name]
	if push == nil {
		return pushReceipt{}, refuse(http.StatusNotFound, "there is no feed %q that is pushed to", clip(name))
	}
	if err := mayPush(w, r, push); err != nil {
		return pushReceipt{}, err
	}
	if !push.InTime() {
		return pushReceipt{}, refuse(http.StatusTooManyRequests, "too many pushes to feed %q: %d a second are allowed", name, push.PerSecond()).after(time.Second)
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return pushReceipt{}, err
	}
	body, err := readBody(r)
	if err != nil {
		return pushReceipt{}, err
	}
	bodyRead(w)
	got, err := d.takePush(push, q.Get("unionId"), body)
	if err != nil {
		return pushReceipt{}, err
	}
	return pushReceipt{
		Feed: name, UnionID: got.UnionID, Records: got.Records, At: stamp(got.At), Degraded: d.cluster.State().Degraded,
	}, nil
}

// takePush takes a push, unless this node stops: what it took it hands over to the others.
func (d *Dashboard) takePush(push *feeds.Push, unionID string, body []byte) (feeds.Receipt, error) {
	d.pushing.RLock()
	defer d.pushing.RUnlock()
	if d.stopping {
		return feeds.Receipt{}, refuse(http.StatusServiceUnavailable, "this server stops: another one, or the next, takes the push").after(time.Second)
	}
	return push.Put(unionID, body)
}

// mayPush looks at the key (RFC 6750) and at the form of the body.
func mayPush(w http.ResponseWriter, r *http.Request, push *feeds.Push) error {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !push.Allows(strings.TrimSpace(key)) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return refuse(http.StatusUnauthorized, "pushing needs the feed's key: want Authorization: Bearer KEY")
	}
	if form := r.Header.Get("Content-Encoding"); form != "" && !strings.EqualFold(form, "identity") {
		w.Header().Set("Accept-Encoding", "identity")
		return refuse(http.StatusUnsupportedMediaType, "Content-Encoding %q: want the records as they are", clip(form))
	}
	return nil
}

// mostPush is how large the body of r may be: what its feed allows, once its key is known to be right.
func (d *Dashboard) mostPush(r *http.Request) (most int, is bool) {
	name, is := strings.CutPrefix(r.URL.Path, pushPath)
	push := d.pushes[name]
	if !is || push == nil {
		return 0, false
	}
	return push.MaxBytes(), true
}
