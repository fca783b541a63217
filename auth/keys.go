package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of reading a set of keys.
const (
	mostKeys  = 1 << 20 // bytes
	fetchFor  = 5 * time.Second
	keysFor   = 10 * time.Minute // then it is read again: a key that was taken away counts no more
	fetchGap  = time.Minute      // between two readings, whatever tokens come
	failedGap = 5 * time.Second  // after a failure, and while there is no key at all
)

// keySet is a set of keys that somebody else keeps, and exchanges when he likes.
type keySet struct {
	source    string
	remote    bool
	algorithm string
	client    *http.Client
	log       *slog.Logger
	gap       time.Duration
	known     atomic.Pointer[keyTable]
	reading   chan struct{} // size 1: whoever is in it reads the set
}

// keyTable is what was read; it is not changed.
type keyTable struct {
	keys  map[string]any
	got   time.Time // zero: never
	tried time.Time // to read it, well or badly
}

func newKeySet(source, algorithm string, log *slog.Logger) (*keySet, error) {
	k := &keySet{source: source, algorithm: algorithm, log: log, gap: fetchGap, reading: make(chan struct{}, 1)}
	k.known.Store(&keyTable{})
	switch {
	case source == "":
		return nil, fmt.Errorf("keys are missing: %s takes a JWK Set, as a file or an https URL", algorithm)
	case strings.Contains(source, "://"):
		if err := checkKeysURL(source); err != nil {
			return nil, err
		}
		k.remote = true
		k.client = &http.Client{Timeout: fetchFor, CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) >= 3 {
				return errors.New("too many redirects")
			}
			return checkKeysURL(r.URL.String())
		}}
		return k, nil
	}
	return k, k.read(context.Background())
}

// checkKeysURL refuses what somebody on the way could put keys of his own into.
func checkKeysURL(source string) error {
	u, err := url.Parse(source)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return errors.New("keys: want a file or an https URL without a user")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("keys of %s://%s: want https, as whoever can change them on the way can be anybody", u.Scheme, u.Host)
}

// find returns the key of that id; without an id, the only one. When there is none, or it was read long ago, the set is read again.
func (k *keySet) find(ctx context.Context, kid string) (any, error) {
	table := k.known.Load()
	key, ok := table.key(kid)
	if ok && time.Since(table.got) < keysFor {
		return key, nil
	}
	if ok {
		select {
		case k.reading <- struct{}{}: // all others go on with what there is
		default:
			return key, nil
		}
	} else {
		select {
		case k.reading <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer func() { <-k.reading }()
	k.refresh(ctx)
	table = k.known.Load()
	if key, ok = table.key(kid); ok {
		return key, nil
	}
	if table.failed() {
		return nil, ErrUnsure
	}
	return nil, fmt.Errorf("%w: no such key", ErrBadToken)
}

// refresh reads the set, unless that was tried just now. The caller is in reading.
func (k *keySet) refresh(ctx context.Context) {
	table, gap := k.known.Load(), k.gap
	if table.failed() {
		gap = min(gap, failedGap)
	}
	if !table.tried.IsZero() && time.Since(table.tried) < gap {
		return
	}
	if err := k.read(context.WithoutCancel(ctx)); err != nil { // who asked may go: the next one needs it too
		k.log.Warn("keys of tokens not read", "err", err)
		k.known.Store(&keyTable{keys: table.keys, got: table.got, tried: time.Now()})
	}
}

// read reads the set and puts it in place of the last one.
func (k *keySet) read(ctx context.Context) error {
	text, err := k.load(ctx)
	if err != nil {
		return err
	}
	keys, err := parseKeys(text, k.algorithm)
	if err != nil {
		return fmt.Errorf("keys of %s: %w", k.name(), err)
	}
	now := time.Now()
	k.known.Store(&keyTable{keys: keys, got: now, tried: now})
	return nil
}

func (k *keySet) load(ctx context.Context) ([]byte, error) {
	if !k.remote {
		f, err := os.Open(k.source)
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		return readAll(f)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.source, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", k.name(), err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.client.Do(req)
	if err != nil {
		var wrapped *url.Error // it names the whole address
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, fmt.Errorf("keys of %s: %w", k.name(), err)
	}
	defer func() { _ = resp.Body.Close() }() // likewise
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys of %s: %s", k.name(), resp.Status)
	}
	return readAll(resp.Body)
}

// name is the source without a query, which may hold a key of its own.
func (k *keySet) name() string {
	name, _, _ := strings.Cut(k.source, "?")
	return name
}

func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, mostKeys+1))
	if err == nil && len(text) > mostKeys {
		err = fmt.Errorf("more than %d bytes", mostKeys)
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return text, nil
}

// failed says that there may be keys which could not be read.
func (t *keyTable) failed() bool { return len(t.keys) == 0 || t.tried.After(t.got) }

func (t *keyTable) key(kid string) (any, bool) {
	if kid == "" && len(t.keys) == 1 {
		for _, key := range t.keys {
			return key, true
		}
	}
	key, ok := t.keys[kid]
	return key, ok && kid != ""
}
