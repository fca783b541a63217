package feeds

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
)

// maxKeptAnswers bounds how many answers are kept to be asked for again, however small they are.
const maxKeptAnswers = 256

// keptAnswers are the newest answers that a server can say are still the same. They are bounded in number and in size.
type keptAnswers struct {
	max int64 // bytes of all answers, as they came

	mu   sync.Mutex
	list []*keptAnswer // guarded by mu; the one used last is last
	size int64         // guarded by mu; of all in list
}

// keptAnswer is immutable.
type keptAnswer struct {
	url      string
	etag     string
	modified string
	size     int64
	result   Result
}

func newKeptAnswer(u string, header http.Header, size int, res Result) *keptAnswer {
	return &keptAnswer{url: u, etag: header.Get("Etag"), modified: header.Get("Last-Modified"), size: int64(size), result: res}
}

// validated says whether the server can be asked if the answer is still the same.
func (a *keptAnswer) validated() bool { return cmp.Or(a.etag, a.modified) != "" }

// conditions are the headers that ask for an answer only if it is not the same; those of a nil answer ask for any.
func (a *keptAnswer) conditions() http.Header {
	header := http.Header{"Accept": {"application/json"}}
	if a == nil {
		return header
	}
	if a.etag != "" {
		header.Set("If-None-Match", a.etag)
	}
	if a.modified != "" {
		header.Set("If-Modified-Since", a.modified)
	}
	return header
}

// get returns the answer to u; nil: none is kept.
func (k *keptAnswers) get(u string) *keptAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.remove(u)
	if a != nil {
		k.list, k.size = append(k.list, a), k.size+a.size
	}
	return a
}

// put keeps a in place of the answer to the same URL, as long as there is room.
func (k *keptAnswers) put(a *keptAnswer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.remove(a.url)
	if !a.validated() {
		return
	}
	k.list, k.size = append(k.list, a), k.size+a.size
	for k.size > k.max || len(k.list) > maxKeptAnswers {
		k.size -= k.list[0].size
		k.list = slices.Delete(k.list, 0, 1)
	}
}

// remove takes the answer to u out, with mu held.
func (k *keptAnswers) remove(u string) *keptAnswer {
	i := slices.IndexFunc(k.list, func(a *keptAnswer) bool { return a.url == u })
	if i < 0 {
		return nil
	}
	a := k.list[i]
	k.list, k.size = slices.Delete(k.list, i, i+1), k.size-a.size
	return a
}
