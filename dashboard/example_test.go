package dashboard_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// tides is a source of a program of one's own.
type tides struct{}

func (tides) Describe() feeds.Description {
	return feeds.Description{Title: "Tides", ID: "port", Whole: true, Fields: []feeds.Field{
		{Name: "port", Label: "Port", Type: "string"}, {Name: "level", Label: "Level", Unit: "m", Type: "number"},
	}}
}

func (tides) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	return feeds.Result{Records: []feeds.Record{{"port": "Hull", "level": 6.2}}}, nil
}

// Another program mounts a Dashboard beside its own addresses, and runs it.
func ExampleNew() {
	d, err := dashboard.New(dashboard.Options{
		Node:   "harbour",
		Feeds:  []feeds.Feed{{Name: "tides", Source: tides{}}},
		Boards: []dashboard.Board{{Name: "sea", Title: "The sea", Panels: []dashboard.Panel{{Name: "tides", Feed: "tides"}}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /mine", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "mine") })
	mux.Handle("/", d)

	for _, path := range []string{"/mine", "/d/sea"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		fmt.Println(path, w.Code)
	}
	cancel()
	fmt.Println("ended:", <-ran)
	// Output:
	// /mine 200
	// /d/sea 200
	// ended: <nil>
}

// A program that knows its people says who a stream is of, and ends those of somebody who logs out.
func ExampleOptions_admit() {
	sessions := map[string]string{"c0ffee": "7"} // the program's own: unionId by cookie
	visits := make(map[*dashboard.Visit]bool)    // a program that serves guards it with a mutex
	d, err := dashboard.New(dashboard.Options{
		Node:  "harbour",
		Feeds: []feeds.Feed{{Name: "tides", Source: tides{}}},
		Admit: func(r *http.Request, v *dashboard.Visit) error {
			cookie, err := r.Cookie("session")
			if err != nil || sessions[cookie.Value] == "" {
				return &dashboard.Problem{Status: http.StatusUnauthorized, Detail: "log in first"}
			}
			v.UnionID = sessions[cookie.Value] // a query that says another is refused
			visits[v] = true
			return nil
		},
		Left: func(v *dashboard.Visit, _ error) {
			delete(visits, v) // at a logout: v.End(transport.ErrTokenEnded) for each that is left
			fmt.Println(v.Transport, "of", v.UnionID, "is over")
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- d.Run(ctx) }()
	for _, cookie := range []string{"session=c0ffee", "session=stolen"} {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live/poll?wait=0", nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	cancel()
	fmt.Println("ended:", <-ran)
	// Output:
	// poll of 7 is over
	// 200
	// 401
	// ended: <nil>
}
