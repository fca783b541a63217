// Package browsertest drives a real Chromium in tests.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long one step of the browser may take.
const patience = 2 * time.Minute

// busyWithin is how long a busy machine may take for what is soon elsewhere.
const busyWithin = 90 * time.Second

// pace is how often Eventually looks.
const pace = 50 * time.Millisecond

// Browser is one tab of a headless Chromium. Its methods fail the test when the browser does not do as told.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string // guarded by mu
}

// Start starts a headless Chromium with a profile of its own, and with more options than the usual. It returns the context in which
// tabs are opened, and how to end the browser, which the caller must do.
func Start(more ...chromedp.ExecAllocatorOption) (ctx context.Context, end func(), err error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-quic", true), chromedp.WindowSize(1440, 1000))
	alloc, freeAlloc := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	ctx, cancel := chromedp.NewContext(alloc)
	end = func() {
		closing, done := context.WithTimeout(ctx, patience)
		_ = chromedp.Cancel(closing)
		done()
		cancel()
		freeAlloc()
	}
	if err := chromedp.Do(ctx); err != nil {
		end()
		return nil, nil, fmt.Errorf("start Chromium (apt-get install --no-install-recommends chromium, or the like): %w", err)
	}
	return ctx, end, nil
}

// New starts a Chromium with a profile of its own, closed when the test ends. It fails the test where none is installed.
func New(t testing.TB) *Browser {
	t.Helper()
	ctx, end, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return tab(t, ctx)
}

func tab(t testing.TB, parent context.Context) *Browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	b := &Browser{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	var listening sync.WaitGroup
	listening.Go(b.listen(chromedp.Console(ctx)))
	t.Cleanup(func() {
		end, done := context.WithTimeout(ctx, patience)
		defer done()
		if err := chromedp.Cancel(end); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("close Chromium: %v", err)
		}
		cancel()
		listening.Wait()
	})
	return b
}

// listen keeps what the console calls an error. That a server could not be reached is not the page's fault.
func (b *Browser) listen(console func(func(chromedp.ConsoleMessage, error) bool)) func() {
	return func() {
		for m, err := range console {
			if err != nil {
				return
			}
			if !m.IsException() && (m.Type != "error" || m.Source == "network") {
				continue
			}
			b.mu.Lock()
			b.problems = append(b.problems, m.String()+" at "+m.URL+":"+strconv.FormatInt(m.Line+1, 10))
			b.mu.Unlock()
		}
	}
}

// Problems are the exceptions and errors in the console so far.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.problems...)
}

// do runs one step.
func (b *Browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *Browser, what string, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, cmd, params); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// Before runs a script in each page opened from now on, before the page's own.
func (b *Browser) Before(script string) {
	b.t.Helper()
	call(b, "add script", page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// Open loads an address and waits for its load event.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url))
}

// Back starts to go back in the history. A page that the browser kept has no load event to wait for.
func (b *Browser) Back() {
	b.t.Helper()
	b.Run("setTimeout(function () { history.back(); })")
}

// Click clicks the first element that a CSS selector finds, once it can be seen.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Run runs a script for what it does.
func (b *Browser) Run(script string) {
	b.t.Helper()
	b.do("run "+script, chromedp.Evaluate[chromedp.Void](script))
}

// Eval returns the value of a script.
func Eval[T any](b *Browser, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", script, err)
	}
	return v
}

// Eventually waits until a script's value is true. The page may be replaced by another in the meantime. Times are judged with
// PULSEWALL_LONG; else a busy machine is given busyWithin.
func (b *Browser) Eventually(within time.Duration, script string) {
	b.t.Helper()
	if os.Getenv("PULSEWALL_LONG") == "" {
		within = max(within, busyWithin)
	}
	ctx, cancel := context.WithTimeout(b.ctx, within)
	defer cancel()
	again := time.NewTicker(pace)
	defer again.Stop()
	var last error
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+script+")"))
		if ok && err == nil {
			return
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			b.t.Fatalf("not within %v: %s (%v)\nthe page says: %s", within, script, last, Eval[string](b, "document.body.innerText"))
		}
	}
}
