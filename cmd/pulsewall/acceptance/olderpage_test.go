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

// olderPage is a page that was written for another server: texts out, texts in.
type olderPage struct {
	*wsconn.Conn
	t     *testing.T
	texts chan olderText
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
	p := &olderPage{Conn: conn, t: t, texts: make(chan olderText, 1000)}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(p.texts)
		for {
			text, err := conn.Read()
			if err != nil {
				return
			}
			p.texts <- olderText{string(text), time.Now()}
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

// hears returns the next text.
func (p *olderPage) hears() olderText {
	p.t.Helper()
	select {
	case text, ok := <-p.texts:
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
