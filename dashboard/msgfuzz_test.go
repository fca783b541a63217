package dashboard

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/pulsewall/pulsewall/feeds"
)

// FuzzMsgText gives /msg any first text: it names a page that there may be, or is refused as the client's mistake.
func FuzzMsgText(f *testing.F) {
	for _, text := range []string{
		`{"unionId":1,"current":1,"size":10}`, `{"unionId":"-9223372036854775808"}`, `{"unionId":18446744073709551616}`, `{}`, `{"size":null}`,
		`{"UNIONID":1,"unionId":2}`, `{"current":"1/2;a=b"}`, `{"size":1e1}`, `[{"unionId":1}]`, `{"unionId":{"a":[]}}`, "{\"unionId\":\"\\ud800\"}", "\xff", `{`, ``,
		`{"size":500,"current":2147483647}`, `{"unionId":"-"}`,
	} {
		f.Add([]byte(text))
	}
	d, _ := newDashboard(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		sub, err := d.asked(text)
		if err != nil {
			if refused := problem(err); refused.Status >= 500 || len(refused.Detail) > 1000 || !json.Valid(errorText(refused.Detail)) {
				t.Errorf("%q: %d %q; want it to be the client's mistake, and said in short", text, refused.Status, refused.Detail)
			}
			return
		}
		if sub.Feed != "rows" || sub.Size < 1 || sub.Size > feeds.MaxSize || sub.Current < 1 || sub.Current > math.MaxInt32 || sub.Params != "" || sub.Node != "" {
			t.Errorf("%q asks for %q", text, sub)
		}
		if _, err := strconv.ParseInt(sub.UnionID, 10, 64); sub.UnionID != "" && err != nil {
			t.Errorf("%q is of user %q", text, sub.UnionID)
		}
	})
}

// asked is what the first text of a client that nobody knows asks for.
func (d *Dashboard) asked(text []byte) (feeds.Subscription, error) {
	w, err := parseWanted(text)
	if err != nil {
		return feeds.Subscription{}, err
	}
	user, err := feeds.ParseUnionID(unquoted(w.UnionID))
	if err != nil {
		return feeds.Subscription{}, err
	}
	return d.pageWanted(user, w)
}
