package feeds

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// HTTPOptions describe a source that asks an HTTP server for JSON.
type HTTPOptions struct {
	// URL may have places {unionId}, {offset}, {limit}, {current} and {size} in its path and its query, each filled in
	// escaped. Without one for paging the answer is the whole table; without {unionId} all users share it.
	URL Secret `yaml:"url"`
	// Records is the way to the list of records: data.items, [0].rows, or data[*] where each member of an object is one.
	// The default is the answer itself.
	Records string `yaml:"records,omitempty"`
	// Total is the way to the number of records on all pages, where the server cuts them.
	Total string `yaml:"total,omitempty"`
	// TotalHeader is the header of the answer with that number, in place of Total.
	TotalHeader string `yaml:"totalHeader,omitempty"`
	Access      `yaml:",inline"`
}

// HTTP asks a server for JSON.
type HTTP struct {
	url    *urlTemplate
	shape  jsonShape
	header string // with the total; empty: none
	web    *web
	kept   keptAnswers
	paged  bool
}

// NewHTTP returns a source that asks as o says. The caller must Close it. The error is an [OptionError].
func NewHTTP(o HTTPOptions) (*HTTP, error) {
	template, err := parseURLTemplate(o.URL.Reveal(), "unionId", "offset", "limit", "current", "size")
	if err != nil {
		return nil, err
	}
	h := &HTTP{url: template, header: o.TotalHeader, paged: template.has("offset", "limit", "current", "size")}
	if h.shape.records, err = parseJSONPath(o.Records); err != nil {
		return nil, &OptionError{Key: "records", Problem: err.Error()}
	}
	total := o.Total != "" || o.TotalHeader != ""
	switch {
	case h.paged && !template.has("offset", "current"):
		return nil, &OptionError{Key: "url", Problem: "has {limit} or {size} and nothing that says which page; allowed with them: {offset} or {current}"}
	case total && !h.paged:
		return nil, &OptionError{Key: "total", Problem: "is for a url with {offset} or {current}; without them the answer is the whole table"}
	case h.paged && !total:
		return nil, &OptionError{Key: "total", Problem: "is missing: how many records are on all pages; allowed: total: a path, or totalHeader: a name"}
	case o.Total != "" && o.TotalHeader != "":
		return nil, &OptionError{Key: "totalHeader", Problem: "excludes total"}
	}
	if o.Total != "" {
		if h.shape.total, err = parseJSONPath(o.Total); err != nil {
			return nil, &OptionError{Key: "total", Problem: err.Error()}
		}
		n := len(h.shape.total)
		if n == 0 || h.shape.total[n-1].all || h.shape.records.covers(h.shape.total) {
			return nil, &OptionError{Key: "total", Problem: fmt.Sprintf("%q does not lead to a number beside the records", o.Total)}
		}
	}
	if h.web, err = o.newWeb(template.base); err != nil {
		return nil, err
	}
	h.web.hide = append(h.web.hide, o.URL)
	h.kept.max = h.web.max
	return h, nil
}

// Describe says that the answer is cut by the server, and is of one user, where the URL has places for that.
func (h *HTTP) Describe() Description {
	return Description{Whole: !h.paged, PerUser: h.url.has("unionId")}
}

// Poll asks once. What the server says is the same as before is not read again. For nobody there are no records of one user.
func (h *HTTP) Poll(ctx context.Context, q Query) (Result, error) {
	if q.UnionID == "" && h.url.has("unionId") {
		return Result{}, nil // a server might give nobody the records of all
	}
	u, err := h.url.fill(q)
	if err != nil {
		return Result{}, err
	}
	if err := h.web.rest.over(h.web.host, q.Interval, time.Now()); err != nil {
		return Result{}, err
	}
	before := h.kept.get(u)
	resp, err := h.web.get(ctx, u, before.conditions())
	if err != nil {
		return Result{}, h.web.explain(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && before != nil:
		return before.result, nil
	case resp.StatusCode == http.StatusNoContent:
		return Result{}, nil
	case resp.StatusCode/100 != 2:
		return Result{}, h.web.refusal(resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Result{}, h.web.explain(err)
	}
	res, err := h.read(resp.Header, body)
	if err != nil {
		return Result{}, err
	}
	h.kept.put(newKeptAnswer(u, resp.Header, len(body), res))
	return res, nil
}

// Close lets go of the connections.
func (h *HTTP) Close() error { return h.web.close() }

func (h *HTTP) read(header http.Header, body []byte) (Result, error) {
	if coding := header.Get("Content-Encoding"); coding != "" { // gzip is undone by now
		return Result{}, fmt.Errorf("the answer is encoded in %s, which nobody asked for", quote(coding))
	}
	res, err := h.shape.read(body)
	if err != nil {
		if media, _, _ := mime.ParseMediaType(header.Get("Content-Type")); media != "" && !strings.Contains(media, "json") {
			return Result{}, fmt.Errorf("%w (its type is %s)", err, clip(media, 60))
		}
		return Result{}, err
	}
	if h.header == "" {
		return res, nil
	}
	total := header.Get(h.header)
	if total == "" {
		return Result{}, fmt.Errorf("the answer has no header %s", h.header)
	}
	res.Total, err = parseTotal(total)
	return res, err
}
