package transport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"
)

// BenchmarkPut is one reading to sessions that are caught up, from Put until the last of them has its frame: ns and allocations for each
// delivery, without a socket.
func BenchmarkPut(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := NewHub(Options{})
			defer h.Close()
			var written, ended sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			written.Add(n) // hello
			for range n {
				s, err := h.open(Opening{Topics: []string{"cpu"}}, WebSocket)
				if err != nil {
					b.Fatal(err)
				}
				ended.Go(func() {
					defer s.Close()
					_ = s.run(ctx, counted{&written})
				})
			}
			written.Wait()
			b.ReportAllocs()
			v := int64(0)
			for b.Loop() {
				v++
				written.Add(n)
				h.Put(NewUpdate("cpu", v, v-1, text{"cpu", v, 2000}))
				written.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
			cancel()
			ended.Wait()
		})
	}
}

// counted takes frames and counts them.
type counted struct{ done *sync.WaitGroup }

func (w counted) write(_ context.Context, events []*event) (int, error) {
	n := 0
	for _, e := range events {
		n += len(e.asFrame(false))
		w.done.Done()
	}
	return n, nil
}

// BenchmarkAppend is one message to all among sessions that do not ask for it yet, so that only the log and the bells are measured.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{0, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := NewHub(Options{})
			defer h.Close()
			for range n {
				s, err := h.open(Opening{UnionID: "7", Rooms: []string{"a", "b"}}, WebSocket)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
			}
			b.ReportAllocs()
			seq := int64(0)
			for b.Loop() {
				seq++
				say(h, seq, Address{Room: "b"})
			}
		})
	}
}

func BenchmarkCursor(b *testing.B) {
	p := position{Position: Position{Epoch: "q7wzk3m2xa", Seq: 123456}, versions: make(map[uint32]int64)}
	for i := range uint32(10) {
		p.versions[i*2654435761] = time.Now().UnixMicro()
	}
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = p.cursor()
		}
	})
	b.Run("parse", func(b *testing.B) {
		s := p.cursor()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parseCursor(s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEncode is what one reading of 2 KB costs in each form, once for all clients.
func BenchmarkEncode(b *testing.B) {
	forms := map[string]func(e *event) []byte{
		"websocket":          func(e *event) []byte { return e.asFrame(false) },
		"websocket deflated": func(e *event) []byte { return e.asFrame(true) },
		"sse":                (*event).asSSE,
		"sse gzip":           (*event).asSSESegment,
	}
	data := bytes.Repeat([]byte(`{"pid":4711,"name":"postgres","cpu":12.5},`), 50)
	for name, form := range forms {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = io.Discard.Write(form(&event{name: "reading", data: data}))
			}
		})
	}
}
