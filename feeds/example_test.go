package feeds_test

import (
	"context"
	"fmt"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// queue is a source: it tells what it gives, and gives it.
type queue struct{ length int }

func (q *queue) Describe() feeds.Description {
	return feeds.Description{
		Title:  "Queue",
		Fields: []feeds.Field{{Name: "name", Label: "Queue", Type: "string"}, {Name: "length", Label: "Jobs", Type: "integer"}},
		ID:     "name", Values: []string{"length"}, Whole: true,
	}
}

func (q *queue) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	return feeds.Result{Records: []feeds.Record{{"name": "mail", "length": q.length}}}, nil
}

// printer is a sink. A real one hands the reading on to those who watch.
type printer struct{}

func (printer) Put(r feeds.Reading)     { fmt.Println(r.Sub, r.Status, r.Page.Records[0]["length"]) }
func (printer) Drop(feeds.Subscription) {}

func Example() {
	s, err := feeds.NewScheduler([]feeds.Feed{{Name: "queue", Source: &queue{length: 3}, Interval: time.Minute}}, printer{}, feeds.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()

	sub, err := feeds.ParseSubscription("queue")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := s.Newest(ctx, sub); err != nil {
		fmt.Println(err)
	}
	cancel()
	if err := <-done; err != nil {
		fmt.Println(err)
	}
	// Output: queue/-/1/10 ok 3
}
