// Package browsertest drives a real Chromium in tests.
package browsertest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long one step of the browser may take.
const patience = 20 * time.Second

// pace is how often Eventually looks.
const pace = 50 * time.Millisecond

// names under which Chromium is installed.
var names = []string{"chromium", "chromium-browser", "google-chrome", "chrome"}

// Browser is one tab of a headless Chromium. Its methods fail the test when the browser does not do as told.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string // guarded by mu
}

// New starts a Chromium with a profile of its own, closed when the test ends. It fails the test where none is installed.
func New(t testing.TB) *Browser {
	t.Helper()
	alloc, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(find(t)),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.NoFirstRun,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(t.TempDir()),
	)
	t.Cleanup(stop)
	return tab(t, alloc)
}

// Tab opens another tab of the same browser.
func (b *Browser) Tab() *Browser {
	b.t.Helper()
	return tab(b.t, b.ctx)
}

func find(t testing.TB) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("browser tests need Chromium, and none of its names is in PATH: apt-get install chromium, or the like")
	return ""
}

func tab(t testing.TB, parent context.Context) *Browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	b := &Browser{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
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

// WithoutScripts switches scripts off for pages opened from now on.
func (b *Browser) WithoutScripts() {
	b.t.Helper()
	call(b, "switch scripts off", emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Size sets the size of the window in CSS pixels.
func (b *Browser) Size(width, height int64) {
	b.t.Helper()
	b.do("set the size", chromedp.EmulateViewport(width, height))
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

// Screenshot writes what the window shows to a PNG file.
func (b *Browser) Screenshot(file string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatalf("take a screenshot: %v", err)
	}
	if err := os.WriteFile(file, png, 0o600); err != nil {
		b.t.Fatalf("keep the screenshot: %v", err)
	}
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

// Eventually waits until a script's value is true. The page may be replaced by another in the meantime.
func (b *Browser) Eventually(within time.Duration, script string) {
	b.t.Helper()
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
