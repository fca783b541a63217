package views

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/pulsewall/pulsewall/feeds"
)

// FuzzRecordStaysText gives every view a record with any content: it must be drawn, and stay within its element.
func FuzzRecordStaysText(f *testing.F) {
	f.Add(`{"id":"cpu","label":"CPU","value":34,"unit":"%"}`)
	f.Add(`{"id":"</ul><script>alert(1)</script>","value":1e308,"unit":"\" onclick=\""}`)
	f.Add(`{"id":7,"label":{"a":[1,null]},"value":"NaN","detail":true}`)
	f.Add(`{"pid":-0.0,"cpu":-5,"memory":-1e300,"started":1e18,"price":1e-300,"change":-1e-9}`)
	f.Fuzz(func(t *testing.T, record string) {
		var rec feeds.Record
		if json.Unmarshal([]byte(record), &rec) != nil || !utf8.ValidString(record) {
			return
		}
		for name, build := range looks {
			fragment := build()
			fragment.Reading.Page.Records = append(fragment.Reading.Page.Records, rec)
			var b bytes.Buffer
			if err := Fragment(fragment).Render(context.Background(), &b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			doc, err := html.Parse(&b)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			each(doc, func(n *html.Node) {
				if n.Data == "script" || n.Data == "img" || n.Data == "iframe" {
					t.Errorf("%s: a record became <%s>", name, n.Data)
				}
				for _, a := range n.Attr {
					if a.Key == "style" || len(a.Key) > 1 && a.Key[:2] == "on" {
						t.Errorf("%s: a record became %s=%q", name, a.Key, a.Val)
					}
				}
			})
		}
	})
}

func BenchmarkFragment(b *testing.B) {
	for name, build := range looks {
		b.Run(name, func(b *testing.B) {
			fragment := build()
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := RenderFragments(&out, []FragmentView{fragment}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(out.Len()), "B/fragment")
		})
	}
}
