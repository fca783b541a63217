package views

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// scripts of every live page, by their plain names, in the order in which they need each other.
var scripts = []string{"pulsewall.js"}

// ending are those of the names that end so.
func ending(suffix string, names []string) []string {
	var some []string
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			some = append(some, name)
		}
	}
	return some
}

// noRefresh is the Refresh of a page that does not change by itself.
const noRefresh = time.Duration(0)

// Key names the look in data-look: equal keys, equal fragments.
func (l Look) Key() string {
	if len(l.Fields) == 0 {
		return l.View
	}
	return l.View + ":" + strings.Join(l.Fields, ",")
}

// RenderFragments writes the html of a push: one element a look, from which each panel takes its own. A look that
// comes twice is written once.
func RenderFragments(w io.Writer, fragments []FragmentView) error {
	seen := make(map[string]bool, len(fragments))
	for _, f := range fragments {
		key := f.Look.Key()
		if seen[key] {
			continue
		}
		seen[key] = true
		if err := openLook(w, key, f.tally()); err != nil {
			return fmt.Errorf("write look %q: %w", key, err)
		}
		if err := Fragment(f).Render(context.Background(), w); err != nil {
			return fmt.Errorf("render look %q of %s: %w", key, f.Reading.Sub, err)
		}
		if _, err := io.WriteString(w, "</div>"); err != nil {
			return fmt.Errorf("write look %q: %w", key, err)
		}
	}
	return nil
}

// panels are those of the page, with its clock and state.
func (p PageView) panels() []PanelView {
	panels := make([]PanelView, len(p.Panels))
	for i, panel := range p.Panels {
		if panel.Now.IsZero() {
			panel.Now = p.Now
		}
		panel.Degraded = panel.Degraded || p.Degraded
		panels[i] = panel
	}
	return panels
}

// live is what the script needs to make the page live.
func (p PageView) live() templ.Attributes {
	return templ.Attributes{
		"data-live": "/live", "data-query": p.Query, "data-cursor": p.Cursor, "data-time": machine(p.Now), "data-union-id": p.UnionID,
	}
}

func (p PageView) every() string { return fill(text.Every, "age", Duration(p.Refresh)) }

// people counts users; where nobody says who they are, connections.
func (p PageView) people() string {
	n := p.Users
	if n == 0 {
		n = p.Connections
	}
	if n == 0 {
		return text.OnlineNobody
	}
	return fill(text.Online, "users", number(float64(n), 0))
}

func (p PageView) peopleTitle() string {
	return fill(text.OnlineTitle, "users", number(float64(p.Users), 0), "connections", number(float64(p.Connections), 0))
}

// age is how old the reading is, and whether that is because nobody else helps.
func (p PanelView) age() Freshness {
	f := Fresh(p.Fragment.Reading, p.Now)
	if p.Degraded {
		f.After = both(f.After, text.NodeAlone)
	}
	return f
}

// origin is where the data is from; of a machine, whose it is.
func (p PanelView) origin() string {
	if node := p.Fragment.Reading.Sub.Node; node != "" && p.Fragment.About.PerNode {
		return fill(text.OfNode, "node", node)
	}
	return p.Fragment.About.Origin
}

func zeroOne(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// wholeSeconds is the delay of a refresh; less than a second would be a storm.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(d.Seconds()+0.5)))
}

func renderedAt(now time.Time) Freshness { return around("", text.RenderedAt, now) }
