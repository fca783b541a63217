package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
)

// described are the descriptions that a server gives of itself, as a program reads them.
type described struct {
	compiler *jsonschema.Compiler
	docs     map[string]any

	mu      sync.Mutex                    // held while the compiler is used
	schemas map[string]*jsonschema.Schema // by place; guarded by mu
}

const (
	openapi  = "openapi.yaml"
	asyncapi = "asyncapi.yaml"
	base     = "https://wall.example/"
)

// described reads both from the server.
func (w *wall) described() *described {
	w.t.Helper()
	d := &described{compiler: jsonschema.NewCompiler(), docs: make(map[string]any), schemas: make(map[string]*jsonschema.Schema)}
	for _, name := range []string{openapi, asyncapi} {
		a := w.get("/" + name)
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/yaml" {
			w.t.Fatalf("/%s: %d %s", name, a.StatusCode, a.Header.Get("Content-Type"))
		}
		text, err := yaml.YAMLToJSON([]byte(a.body))
		if err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
		if d.docs[name], err = jsonschema.UnmarshalJSON(bytes.NewReader(text)); err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
		if err := d.compiler.AddResource(base+name, d.docs[name]); err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
	}
	return d
}

// node is a place in a description.
type node struct {
	d    *described
	doc  string
	path []string
	v    any
}

// at goes down, and on where a place refers to another one of the same description. The zero value: there is none.
func (d *described) at(doc string, path ...string) node {
	n := node{d, doc, nil, d.docs[doc]}
	return n.at(path...)
}

func (n node) at(path ...string) node {
	for _, key := range path {
		switch v := n.v.(type) {
		case map[string]any:
			n.v = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return node{}
			}
			n.v = v[i]
		default:
			return node{}
		}
		n.path = append(slices.Clip(n.path), key)
		if m, ok := n.v.(map[string]any); ok && m["$ref"] != nil {
			if ref, local := strings.CutPrefix(m["$ref"].(string), "#/"); local {
				n = n.d.at(n.doc, strings.Split(ref, "/")...)
			}
		}
	}
	return n
}

// keys are those of an object, sorted.
func (n node) keys() []string {
	m, _ := n.v.(map[string]any)
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func (n node) text() string {
	s, _ := n.v.(string)
	return s
}

// schema compiles the schema at a place.
func (n node) schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	var fragment strings.Builder
	for _, key := range n.path {
		key = strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		fragment.WriteString("/" + url.PathEscape(key))
	}
	place := base + n.doc + "#" + fragment.String()
	n.d.mu.Lock()
	defer n.d.mu.Unlock()
	if n.d.schemas[place] == nil {
		s, err := n.d.compiler.Compile(place)
		if err != nil {
			t.Fatalf("schema %s: %v", place, err)
		}
		n.d.schemas[place] = s
	}
	return n.d.schemas[place]
}

// fits says what is wrong with a JSON text for the schema at a place.
func (n node) fits(t testing.TB, text string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("%.200q: %w", text, err)
	}
	return n.schema(t).Validate(v)
}

// official is the schema of descriptions themselves.
func official(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile("testdata/schemas/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(file, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(base+file, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(base + file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDescriptions holds both against the schemas that their makers publish, and every schema in them against that of schemas.
func TestDescriptions(t *testing.T) {
	d := newWall(t, two(dashboard.Options{}), false).described()
	for name, file := range map[string]string{openapi: "openapi-3.1.json", asyncapi: "asyncapi-3.0.0.json.gz"} {
		s := official(t, file)
		if err := s.Validate(d.docs[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		broken := d.docs[name].(map[string]any)
		info := broken["info"]
		broken["info"] = map[string]any{"title": 1}
		if s.Validate(broken) == nil {
			t.Errorf("%s without its info is valid", name)
		}
		broken["info"] = info
		for _, schema := range d.at(name, "components", "schemas").keys() {
			d.at(name, "components", "schemas", schema).schema(t)
		}
	}
	for _, message := range d.at(asyncapi, "components", "messages").keys() {
		d.at(asyncapi, "components", "messages", message, "payload").schema(t)
	}
	ids := d.at(asyncapi, "components", "schemas", "Event", "oneOf").v.([]any)
	if n := len(d.at(asyncapi, "operations", "events", "messages").v.([]any)); len(ids) != n+1 { // and reply
		t.Errorf("an Event is one of %d; the operations send %d and reply", len(ids), n)
	}
}

// TestDescribedRoutes finds every route in the description, and everything described among the routes. How nodes talk to each other is
// no business of clients.
func TestDescribedRoutes(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	paths := w.described().at(openapi, "paths")
	var listed, routed []string
	for _, path := range paths.keys() {
		for _, method := range paths.at(path).keys() {
			if method != "parameters" {
				listed = append(listed, strings.ToUpper(method)+" "+path)
			}
		}
	}
	routes := w.Config.Handler.(*dashboard.Dashboard).Routes()
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if route != cluster.LinkPath {
			routed = append(routed, method+" "+strings.Replace(route, "*", "{file}", 1))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(listed)
	slices.Sort(routed)
	if diff := cmp.Diff(routed, listed); diff != "" {
		t.Errorf("routes (-) and what openapi.yaml lists (+): %s", diff)
	}
}
