package feeds

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// filterOfTopics is a filter of MQTT, by levels.
type filterOfTopics struct {
	levels []string
	user   int // the level that is the user; -1: none
}

const (
	mostFilters   = 50
	longestFilter = 1024
)

// filtersOfTopics reads filters. The error is a *OptionError.
func filtersOfTopics(list []string) ([]filterOfTopics, error) {
	if len(list) == 0 || len(list) > mostFilters {
		return nil, &OptionError{Key: "topics", Problem: fmt.Sprintf("%d of them: want 1 to %d, such as sensors/+/temperature", len(list), mostFilters)}
	}
	var out []filterOfTopics
	for _, s := range list {
		f, problem := readFilter(s)
		if problem == "" && len(out) > 0 && (out[0].user >= 0) != (f.user >= 0) {
			problem = "a level {unionId} must be in all topics or in none"
		}
		if problem != "" {
			return nil, &OptionError{Key: "topics", Problem: quote(s) + ": " + problem}
		}
		out = append(out, f)
	}
	return out, nil
}

func readFilter(s string) (f filterOfTopics, problem string) {
	f = filterOfTopics{levels: strings.Split(s, "/"), user: -1}
	switch {
	case s == "" || len(s) > longestFilter || !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return f, fmt.Sprintf("1 to %d bytes of UTF-8 are allowed", longestFilter)
	case f.levels[0] == "$share":
		return f, "a shared subscription gives each node a part of the messages: want the topics themselves"
	}
	for i, level := range f.levels {
		switch {
		case level == userPlace && f.user >= 0:
			return f, "{unionId} is there twice"
		case level == userPlace:
			f.user = i
			f.levels[i] = "+"
		case strings.Contains(level, "{union"):
			return f, "the place of the user is a whole level, {unionId}"
		case strings.Contains(level, "#") && (level != "#" || i < len(f.levels)-1):
			return f, "# is allowed as the last level only"
		case strings.Contains(level, "+") && level != "+":
			return f, "+ is allowed as a whole level only"
		}
	}
	return f, ""
}

// topic is the filter as the broker reads it.
func (f filterOfTopics) topic() string { return strings.Join(f.levels, "/") }

// match says whether a topic is meant (MQTT 5, 4.7).
func (f filterOfTopics) match(topic []string) bool {
	if len(topic[0]) > 0 && topic[0][0] == '$' && (f.levels[0] == "+" || f.levels[0] == "#") {
		return false
	}
	if n := len(f.levels); f.levels[n-1] == "#" {
		return len(topic) >= n-1 && slices.EqualFunc(f.levels[:n-1], topic[:min(len(topic), n-1)], matchLevel)
	}
	return slices.EqualFunc(f.levels, topic, matchLevel)
}

func matchLevel(want, level string) bool { return want == "+" || want == level }

// userOfTopic returns whose topic it is; empty: everybody's. Not ok: it is none of those that are meant, or nobody's.
func userOfTopic(filters []filterOfTopics, topic string) (user string, ok bool) {
	levels := strings.Split(topic, "/")
	for _, f := range filters {
		if !f.match(levels) {
			continue
		}
		if f.user < 0 {
			return "", true
		}
		if id, err := ParseUnionID(levels[f.user]); err == nil && id != "" && id == levels[f.user] {
			return id, true
		}
	}
	return "", false
}
