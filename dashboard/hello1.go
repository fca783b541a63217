package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// hello1 sends a text from one user to others, by GET or POST. A GET that does something is for this site's pages and programs alone.
func (d *Dashboard) hello1(w http.ResponseWriter, r *http.Request) {
	receipt, err := d.sendByLink(w, r)
	d.metrics.said(r.URL.Path, err == nil)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusAccepted, receipt)
}

func (d *Dashboard) sendByLink(w http.ResponseWriter, r *http.Request) (receipt, error) {
	if err := d.checkOrigin(r); err != nil {
		return receipt{}, err
	}
	q, err := queryAndForm(r)
	if err != nil {
		return receipt{}, err
	}
	bodyRead(w)
	m, err := readHello1(r.Context(), q)
	if err != nil {
		return receipt{}, err
	}
	m.addr = d.clientAddr(r)
	return d.send(r.Context(), m)
}

// queryAndForm is what the query and, of a POST, a form of either kind say together.
func queryAndForm(r *http.Request) (url.Values, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if r.Method != http.MethodPost {
		return q, nil
	}
	r = r.Clone(r.Context())
	r.URL.RawQuery = "" // it is read already, and a ';' in it is none of the form's
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/form-data") {
		err = r.ParseMultipartForm(mostBody)
	} else {
		err = r.ParseForm()
	}
	if err != nil {
		if p := cutBody(err); p != nil {
			return nil, p
		}
		return nil, refuse(http.StatusBadRequest, "the form cannot be read: %s", clip(err.Error()))
	}
	for name, values := range r.PostForm {
		q[name] = append(q[name], values...)
	}
	return q, nil
}

// readHello1 reads id, idList, data and key.
func readHello1(ctx context.Context, q url.Values) (draft, error) {
	from, err := feeds.ParseUnionID(q.Get("id"))
	if err != nil {
		return draft{}, refuse(http.StatusBadRequest, "id %q: want a 64-bit integer", clip(q.Get("id")))
	}
	if p := signedInAs(ctx); p != nil {
		if err := p.is(from); err != nil {
			return draft{}, err
		}
		from = p.UnionID
	}
	ids := strings.FieldsFunc(strings.Join(q["idList"], ","), func(c rune) bool { return c == ',' || c == ' ' })
	if len(ids) == 0 {
		return draft{}, refuse(http.StatusBadRequest, "idList is missing: want the users to send to, for example idList=2,3")
	}
	to, err := transport.ParseAddress("user:" + strings.Join(ids, ","))
	if err != nil {
		return draft{}, err
	}
	text := strings.ToValidUTF8(q.Get("data"), "\ufffd")
	if text == "" {
		text = string(timeText(time.Now()))
	}
	data, err := marshal(text)
	return draft{to: to, data: data, key: q.Get("key"), from: transport.Sender{UnionID: from}}, err
}
