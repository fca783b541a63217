package acceptance

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// olderPage is a page that was written for another server: texts out, texts in. What is pushed comes in a channel of its own: on a busy
// machine the next push may be there before the answers to what was said long before.
type olderPage struct {
	*wsconn.Conn
	t             *testing.T
	texts, pushes chan olderText
}

type olderText struct {
	text string
	at   time.Time
}

// openOlder opens an address of a node, and says something first.
func openOlder(t *testing.T, n *site, address string, texts ...string) *olderPage {
	t.Helper()
	conn, _, err := wsconn.Dial(t.Context(), n.URL+address, wsconn.DialOptions{Options: wsconn.Options{ReadLimit: 1 << 20, WriteTimeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	p := &olderPage{Conn: conn, t: t, texts: make(chan olderText, 1000), pushes: make(chan olderText, 1000)}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(p.texts)
		defer close(p.pushes)
		for {
			text, err := conn.Read()
			if err != nil {
				return
			}
			came := olderText{string(text), time.Now()}
			to := p.texts
			if came.isPushed() {
				to = p.pushes
			}
			to <- came
		}
	})
	wg.Go(func() { _ = conn.Tend(t.Context(), time.Hour, time.Hour) }) // answers pings
	t.Cleanup(func() { conn.CloseNow(); wg.Wait() })
	p.say(texts...)
	return p
}

func (p *olderPage) say(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if err := p.Send([]byte(text)); err != nil {
			p.t.Fatal(err)
		}
	}
}

// hears returns the next text that was not pushed.
func (p *olderPage) hears() olderText {
	p.t.Helper()
	return p.next(p.texts)
}

// gets returns the next page that was pushed. Why there was none at one time, as its poll was late, is told.
func (p *olderPage) gets() olderText {
	p.t.Helper()
	for {
		push := p.next(p.pushes)
		if push.records() != nil {
			return push
		}
		p.t.Log(push.text)
	}
}

func (p *olderPage) next(from chan olderText) olderText {
	p.t.Helper()
	select {
	case text, ok := <-from:
		if !ok {
			p.t.Fatal("closed; want a text")
		}
		return text
	case <-time.After(time.Minute):
		p.t.Fatal("no text in a minute")
	}
	return olderText{}
}

// quiet fails the test when something came.
func (p *olderPage) quiet(what string) {
	p.t.Helper()
	select {
	case text := <-p.texts:
		p.t.Errorf("%s: %.200s; want nothing", what, text.text)
	default:
	}
}

// records reads a bare page; nil: it is none.
func (o olderText) records() []map[string]any {
	var page struct {
		Records                     []map[string]any
		Total, Size, Current, Pages int
	}
	if json.Unmarshal([]byte(o.text), &page) != nil || page.Total != 25 || page.Size != 10 || page.Current != 1 || page.Pages != 3 {
		return nil
	}
	return page.Records
}

// isPushed says whether it is a page, or why there is none yet.
func (o olderText) isPushed() bool {
	return o.records() != nil || strings.HasPrefix(o.text, `{"error":"the poll of `) || strings.HasSuffix(o.text, `has not been read in time"}`)
}

// tells is the kind of a text: a page with its user and the poll that it is from, the time, an error, or the text itself.
func (o olderText) tells() string {
	if list := o.records(); len(list) == 10 {
		return fmt.Sprint("page of ", list[0]["note"])
	}
	if _, err := time.Parse(time.RFC3339Nano, o.text); err == nil {
		return "time"
	}
	if strings.HasPrefix(o.text, `{"error":"`) {
		return "error"
	}
	return o.text
}
