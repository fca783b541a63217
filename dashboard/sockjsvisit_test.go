package dashboard_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// TestSockJSVisits has a program say who each SockJS client is, end its visit, and hear that it left: one visit a session, whatever requests
// it is made of.
func TestSockJSVisits(t *testing.T) {
	var mu sync.Mutex
	visits, left := map[string]*dashboard.Visit{}, map[string]error{}
	w := newWall(t, dashboard.Options{
		Admit: func(_ *http.Request, v *dashboard.Visit) error {
			mu.Lock()
			defer mu.Unlock()
			if visits[v.Name] != nil {
				return errors.New("admitted again")
			}
			visits[v.Name], v.UnionID = v, fmt.Sprintf("70%d", len(visits)+1)
			return nil
		},
		Left: func(v *dashboard.Visit, err error) {
			mu.Lock()
			defer mu.Unlock()
			left[v.Name] = err
		},
	}, false)
	var peers []*sockJSPeer
	for _, way := range sockJSWays {
		peers = append(peers, w.sockJS(way, "?name="+way))
	}
	for i, p := range peers {
		p.say("by " + p.way)
		for _, other := range peers {
			other.want("by " + p.way)
		}
		if a := w.get(fmt.Sprintf("/api/presence/users/70%d", i+1)).object(t); a["name"] != p.way {
			t.Errorf("%s: %v", p.way, a)
		}
	}
	for _, p := range peers {
		mu.Lock()
		v := visits[p.way]
		mu.Unlock()
		v.End(transport.ErrTokenEnded)
		if p.way == "raw" || p.way == "door" {
			if _, err := p.conn.Read(); wsconn.CloseCode(err) != wsconn.TokenEnded {
				t.Errorf("%s: %v; want %d", p.way, err, wsconn.TokenEnded)
			}
		} else if got, want := p.frame(""), fmt.Sprintf("c[4401,%q]", transport.ErrTokenEnded); got != want {
			t.Errorf("%s: last frame %q; want %q", p.way, got, want)
		}
		eventually(t, func() error {
			mu.Lock()
			defer mu.Unlock()
			if !errors.Is(left[p.way], transport.ErrTokenEnded) {
				return fmt.Errorf("%s left: %w", p.way, left[p.way])
			}
			return nil
		})
	}
	if a := w.get("/api/presence?room=sockjs").object(t); a["connections"] != 0.0 {
		t.Errorf("the room when all have left: %v", a)
	}
}

// TestSockJSOff has the addresses switched off.
func TestSockJSOff(t *testing.T) {
	w := newWall(t, dashboard.Options{OlderClients: []dashboard.OlderClient{}}, false)
	for _, path := range []string{"/sockjs", "/sockjs/", "/sockjs/info", "/sockjs/websocket", "/sockjs/0/s/eventsource"} {
		w.get(path).wantProblem(t, path, 404, "there is nothing at")
	}
}
