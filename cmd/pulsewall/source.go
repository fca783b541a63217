package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// sourceConfig is where the records of a feed come from: exactly one of its blocks is given. A block needs an opener.
type sourceConfig struct {
	HTTP       *feeds.HTTPOptions       `yaml:"http,omitempty"`
	Prometheus *feeds.PrometheusOptions `yaml:"prometheus,omitempty"`
	File       *feeds.FileOptions       `yaml:"file,omitempty"`
	SQL        *feeds.SQLOptions        `yaml:"sql,omitempty"`
	Redis      *feeds.RedisOptions      `yaml:"redis,omitempty"`
	MQTT       *feeds.MQTTOptions       `yaml:"mqtt,omitempty"`
	Push       *feeds.PushOptions       `yaml:"push,omitempty"`
}

// openers make sources of their options, by the key of the block.
var openers = map[string]opener{
	"http":       opens(feeds.NewHTTP),
	"prometheus": opens(feeds.NewPrometheus),
	"file":       opens(feeds.NewFile),
	"sql":        opens(feeds.NewSQL),
	"redis":      opens(feeds.NewRedis),
	"mqtt":       opens(feeds.NewMQTT),
	"push":       opens(feeds.NewPush),
}

type opener func(options any) (feeds.Source, error)

// opens makes an opener of the constructor of a source.
func opens[O any, S feeds.Source](open func(O) (S, error)) opener {
	return func(options any) (feeds.Source, error) {
		s, err := open(options.(O))
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// blocks are the keys of all blocks, in order, and the options of those that are given, by key.
func (c *sourceConfig) blocks() (all []string, given map[string]any) {
	v, given := reflect.ValueOf(c).Elem(), make(map[string]any)
	for i, s := range settings(v.Type()) {
		all = append(all, s.key)
		if block := v.Field(i); !block.IsNil() {
			given[s.key] = block.Elem().Interface()
		}
	}
	return all, given
}

// open makes the source of fc, with ${NAME} in its strings taken from env. Mistakes are noted at path; then it is nil.
func (c *feedConfig) open(f *file, path string, env []string) feeds.Source {
	_, given := c.From.blocks()
	for key, options := range given {
		at := path + "." + key
		x := expander{file: f, env: env}
		filled := x.expand(at, reflect.ValueOf(options)).Interface()
		if x.failed {
			return nil
		}
		source, err := openers[key](filled)
		if err != nil {
			f.option(at, err)
			return nil
		}
		mapped, err := feeds.Map(source, c.Mapping)
		if err != nil {
			f.option(path, err)
			return nil
		}
		return mapped
	}
	return nil
}

// external says whether a block is given.
func (c *feedConfig) external() bool {
	_, given := c.From.blocks()
	return len(given) > 0
}

// checkSource notes what is wrong with a feed that has a block.
func (c *feedConfig) checkSource(f *file, path string, kinds map[string]feeds.Feed) bool {
	all, given := c.From.blocks()
	if c.Name == "" {
		f.fault(path, "a feed without a name")
		return false
	}
	if _, builtin := kinds[string(c.Name)]; builtin {
		f.fault(path+".name", "%q is built in; a source of its own needs another name", c.Name)
		return false
	}
	if len(given) > 1 || c.Kind != "" {
		f.fault(path, "%q comes from more than one place; allowed: one of kind, %s", c.Name, strings.Join(all, ", "))
		return false
	}
	if c.Seed != nil {
		f.fault(path+".seed", "is for kinds that are made up; allowed for: %s", strings.Join(sortedKeys(seeded), ", "))
		return false
	}
	return true
}

// What unionId may say.
const (
	unionIDRequired = "required"
	unionIDOptional = "optional"
)

// checkRest notes what is wrong with the keys that depend on the source.
func (c *feedConfig) checkRest(f *file, path string, every interval) {
	if c.source == nil {
		return
	}
	about := c.source.Describe()
	if c.UnionID != "" {
		if err := oneOf(c.UnionID, unionIDRequired, unionIDOptional); err != nil {
			f.fault(path+".unionId", "%v", err)
		} else if !about.PerUser {
			f.fault(path+".unionId", "the records are the same for all users; it is for a source that names the unionId")
		}
	}
	for i, t := range c.Thresholds {
		if err := t.Check(about); err != nil {
			f.option(fmt.Sprintf("%s.thresholds[%d]", path, i), err)
		}
	}
	c.checkAlerts(f, path, about)
	if most := time.Duration(cmp.Or(c.Interval, every, interval(feeds.DefaultInterval))); c.MinGap != 0 && (c.MinGap < feeds.ShortestMinGap || c.MinGap > most) {
		f.fault(path+".minGap", "%q is out of bounds; allowed: %s to the interval of %s", shortDuration(c.MinGap), feeds.ShortestMinGap, shortDuration(most))
	}
	if c.MaxAge != nil && *c.MaxAge > 0 && c.TimeField == "" && about.Time == "" && !about.Pushed {
		f.fault(path+".maxAge", "needs a field that says when a record was written; allowed with it: time: the name of that field")
	}
}

// option notes what a source has against an option.
func (f *file) option(path string, err error) {
	var wrong *feeds.OptionError
	if errors.As(err, &wrong) {
		f.fault(path+"."+wrong.Key, "%s", wrong.Problem)
		return
	}
	f.fault(path, "%v", err)
}

// expander puts the environment into options.
type expander struct {
	file   *file
	env    []string
	failed bool
}

// expand returns a copy of v in which ${NAME} is the variable of that name, and $${NAME} is ${NAME}.
func (x *expander) expand(path string, v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[feeds.Secret]() && leftOutSecret.MatchString(v.String()) {
			x.failed = true
			x.file.fault(path, "the secret was left out when this was printed: put it, or better ${NAME} of the environment, in place of ***")
		}
		out.SetString(x.text(path, v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(x.expand(path, v.Elem()))
		}
	case reflect.Slice:
		for i := range v.Len() {
			out.Set(reflect.Append(out, x.expand(fmt.Sprintf("%s[%d]", path, i), v.Index(i))))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
		}
		for _, key := range v.MapKeys() {
			out.SetMapIndex(key, x.expand(fmt.Sprintf("%s.%v", path, key), v.MapIndex(key)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			key, how, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			at := path + "." + key
			if how == "inline" {
				at = path
			}
			out.Field(i).Set(x.expand(at, v.Field(i)))
		}
	default:
		out.Set(v)
	}
	return out
}

func (x *expander) text(path, text string) string {
	return reference.ReplaceAllStringFunc(text, func(match string) string {
		if strings.HasPrefix(match, "$$") {
			return match[1:]
		}
		name := match[2 : len(match)-1]
		value, ok := lookup(x.env, name)
		if !ok {
			x.failed = true
			x.file.fault(path, "the environment variable %s is not set, or empty", name)
		}
		return value
	})
}

// close lets go of what the sources hold.
func (c *config) close() error {
	var errs []error
	for _, f := range c.feeds {
		errs = append(errs, shut(f.Source))
	}
	return errors.Join(errs...)
}

func shut(s feeds.Source) error {
	if closer, ok := s.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
