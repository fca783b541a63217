package acceptance

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// browser is the one Chromium of all tests; each tab has a profile of its own.
var browser struct {
	once   sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

func closeBrowser() {
	if browser.cancel != nil {
		browser.cancel()
	}
}

// tab is one page in a browser, and all that it had to say.
type tab struct {
	t   *testing.T
	ctx context.Context

	scriptless bool // the page's own scripts do not run, nor what they would listen to

	mu       sync.Mutex
	trouble  []string       // console errors, exceptions and dialogs
	requests map[string]int // by address without query
	received float64        // bytes, as they came over the wire
}

// newTab opens an empty tab of the common browser.
func newTab(t *testing.T) *tab {
	t.Helper()
	browser.once.Do(func() { browser.ctx, browser.cancel, browser.err = browsertest.Start() })
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	return tabIn(t, browser.ctx)
}

func tabIn(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	p := &tab{t: t, ctx: ctx, requests: make(map[string]int)}
	t.Cleanup(cancel)
	p.must(chromedp.Do(ctx))
	p.must(chromedp.Listen(ctx, p.hear))
	return p
}

// of is the tab for the goroutine of a subtest, or again for that of the test.
func (p *tab) of(t *testing.T) *tab {
	p.t = t
	return p
}

// hear keeps what the page did. It runs on the goroutine that reads from the browser.
func (p *tab) hear(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "warning" {
			p.trouble = append(p.trouble, fmt.Sprintf("console.%s: %s", ev.Type, ev.Args[0].Value))
		}
	case *runtime.EventExceptionThrown:
		p.trouble = append(p.trouble, "exception: "+ev.ExceptionDetails.Text+" "+describe(ev.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if ev.Entry.Level == "error" {
			p.trouble = append(p.trouble, "browser: "+ev.Entry.Text+" "+ev.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		p.trouble = append(p.trouble, "dialog: "+ev.Message)
		go func() {
			_ = call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	case *network.EventRequestWillBeSent:
		address, _, _ := strings.Cut(ev.Request.URL, "?")
		p.requests[address]++
	case *network.EventLoadingFinished:
		p.received += ev.EncodedDataLength
	}
}

func describe(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

func (p *tab) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// before runs a script in each document of the tab before its own.
func (p *tab) before(script string) {
	p.t.Helper()
	p.must(call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}))
}

// withoutScripts turns scripts off, as a person does in the settings.
func (p *tab) withoutScripts() {
	p.t.Helper()
	p.must(call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	p.scriptless = true
}

// size makes the tab's window so wide and high.
func (p *tab) size(width, height int64) {
	p.t.Helper()
	p.must(call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600,
	}))
}

// scheme says whether the person prefers "light" or "dark".
func (p *tab) scheme(name string) {
	p.t.Helper()
	p.must(call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	}))
}

func (p *tab) open(address string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, unhurried(time.Minute))
	defer cancel()
	p.must(chromedp.Do(ctx, chromedp.Navigate(address)))
}

// quiet fails the test if the page complained, or asked another host than its own.
func (p *tab) quiet(own string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.trouble {
		p.t.Errorf("the page complains: %s", line)
	}
	base, err := url.Parse(own)
	p.must(err)
	for address := range p.requests {
		if u, err := url.Parse(address); err != nil || u.Host != base.Host && u.Scheme != "data" {
			p.t.Errorf("the page asks another host: %s", address)
		}
	}
}

// forget lets go of what the page has said and asked for so far.
func (p *tab) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble, p.received = nil, 0
	clear(p.requests)
}

// asked returns how often the page asked for an address that ends so.
func (p *tab) asked(suffix string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for address, times := range p.requests {
		if strings.HasSuffix(address, suffix) {
			n += times
		}
	}
	return n
}

// call runs a command of the browser, whose result does not matter.
func call[P, R any](ctx context.Context, command cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(ctx, command, params)
	return err
}

// eval returns the value of an expression in the page. A page on its way elsewhere has none.
func eval[T any](p *tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, unhurried(30*time.Second))
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// until waits until an expression is true in the page, and returns how long that took.
func (p *tab) until(limit time.Duration, expression string) time.Duration {
	p.t.Helper()
	return eventually(p.t, limit, func() error {
		ok, err := eval[bool](p, "Boolean("+expression+")")
		if err == nil && !ok {
			err = fmt.Errorf("%s is false; the page says %q", expression, p.words())
		}
		return err
	})
}

// words are what the header and the panels say of themselves.
func (p *tab) words() string {
	text, _ := eval[string](p, `[].map.call(document.querySelectorAll(
		"[data-slot=connection], [data-slot=age], [data-slot=notices]"), function (e) { return e.textContent.trim(); }).join(" | ")`)
	return text
}

// click clicks what a CSS selector finds, with the mouse. A page on its way elsewhere is waited for. Where the page moved between the look
// and the click, which then struck something else, it clicks again: a page without scripts cannot tell.
func (p *tab) click(selector string) {
	p.t.Helper()
	eventually(p.t, 20*time.Second, func() error {
		ctx, cancel := context.WithTimeout(p.ctx, unhurried(20*time.Second)/4)
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(selector))); err != nil {
			return err
		}
		if _, err := eval[chromedp.Void](p, fmt.Sprintf(`(function () {
			window.struck = false;
			document.querySelector(%q).addEventListener("click", function () { window.struck = true; }, true);
		}())`, selector)); err != nil {
			return err
		}
		if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil || p.scriptless {
			return err
		}
		if missed, err := eval[bool](p, "window.struck === false"); err == nil && missed { // a page that came after it has none
			return fmt.Errorf("the click did not strike %s", selector)
		}
		return nil
	})
}

// act runs statements in the page.
func (p *tab) act(statements string) {
	p.t.Helper()
	_, err := eval[chromedp.Void](p, "(function () {"+statements+"}())")
	p.must(err)
}
