package feeds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonShape says where in an answer the records are, and the total where it has one.
type jsonShape struct {
	records jsonPath
	total   jsonPath // nil: none
}

// jsonAnswer reads one answer, in one go and without keeping more than its records.
type jsonAnswer struct {
	dec   *json.Decoder
	shape jsonShape

	found   bool     // the records
	near    []string // names where the way to the records was lost
	records []Record
	total   int
	totaled bool
}

// read returns the records and the total of body. Errors say at which line and column body goes wrong.
func (s jsonShape) read(body []byte) (Result, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // which some servers send though RFC 8259 says not to
	if err := checkJSON(body); err != nil {
		return Result{}, err
	}
	a := &jsonAnswer{dec: json.NewDecoder(bytes.NewReader(body)), shape: s}
	a.dec.UseNumber()
	if err := a.value(way{s.records, true}, way{s.total, s.total != nil}); err != nil {
		return Result{}, err
	}
	switch {
	case !a.found && len(a.near) > 0:
		return Result{}, fmt.Errorf("the answer has nothing at %s; there are: %s", s.records, strings.Join(a.near, ", "))
	case !a.found:
		return Result{}, fmt.Errorf("the answer has nothing at %s", s.records)
	case s.total != nil && !a.totaled:
		return Result{}, fmt.Errorf("the answer has no total at %s", s.total)
	}
	return Result{Records: a.records, Total: a.total}, nil
}

// checkJSON says what is wrong with body as a whole.
func checkJSON(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the answer is empty")
	}
	if !utf8.Valid(body) {
		return fmt.Errorf("the answer is not UTF-8 at %s", position(body, firstInvalid(body)))
	}
	var all json.RawMessage
	err := json.Unmarshal(body, &all)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("the answer is not JSON at %s: %w", position(body, int(syntax.Offset)-1), syntax)
	}
	return err
}

// firstInvalid is where data, which is not UTF-8, goes wrong.
func firstInvalid(data []byte) int {
	at := 0
	for {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
}

// position is the line and column, both from 1, of the byte at.
func position(body []byte, at int) string {
	before := body[:min(max(at, 0), len(body))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// value reads the next value, with the ways to the records and to the total from there.
func (a *jsonAnswer) value(records, total way) error {
	switch {
	case records.on && len(records.left) == 0:
		return a.take(false)
	case records.on && records.left[0].all:
		return a.take(true)
	case total.on && len(total.left) == 0:
		return a.takeTotal()
	case !records.on && !total.on:
		var skipped json.RawMessage
		return a.dec.Decode(&skipped)
	}
	open, err := a.dec.Token()
	if err != nil {
		return err
	}
	delim, ok := open.(json.Delim)
	if !ok {
		return nil // the ways go on and the value does not
	}
	if records.on {
		a.near = nil
	}
	for i := 0; a.dec.More(); i++ {
		step := jsonStep{index: i, list: true}
		if delim == '{' {
			name, err := a.name()
			if err != nil {
				return err
			}
			step = jsonStep{name: name}
			if records.on {
				a.near = appendName(a.near, name)
			}
		}
		if err := a.value(records.next(step), total.next(step)); err != nil {
			return err
		}
	}
	_, err = a.dec.Token()
	return err
}

// name reads the name of a member.
func (a *jsonAnswer) name() (string, error) {
	token, err := a.dec.Token()
	name, _ := token.(string)
	return name, err
}

// appendName adds to the names that an error shows, which are few and short.
func appendName(names []string, name string) []string {
	const most = 8
	switch {
	case len(names) < most:
		return append(names, clip(name, 40))
	case len(names) == most:
		return append(names, "…")
	}
	return names
}

// take reads the records: the elements of a list, or the members of an object where each is one, else the object itself.
func (a *jsonAnswer) take(each bool) error {
	a.found = true
	open, err := a.dec.Token()
	switch {
	case err != nil:
		return err
	case open == nil:
		return nil // a list that some write so when it is empty
	case open == json.Delim('['):
		return a.takeList()
	case open == json.Delim('{'):
		return a.takeObject(each)
	}
	return fmt.Errorf("the answer has %s at %s; a list of records is expected", kindOf(open), a.shape.records)
}

func (a *jsonAnswer) takeList() error {
	for a.dec.More() {
		if err := a.takeRecord("", false); err != nil {
			return err
		}
	}
	_, err := a.dec.Token()
	return err
}

func (a *jsonAnswer) takeObject(each bool) error {
	whole := make(map[string]any)
	for a.dec.More() {
		name, err := a.name()
		if err != nil {
			return err
		}
		if each {
			err = a.takeRecord(name, true)
		} else {
			whole[name], err = a.decode()
		}
		switch {
		case err != nil:
			return err
		case len(whole) > maxJSONFields:
			return fmt.Errorf("the record at %s has more than %d fields", a.shape.records, maxJSONFields)
		}
	}
	if _, err := a.dec.Token(); err != nil || each {
		return err
	}
	return a.add(whole)
}

func (a *jsonAnswer) takeTotal() error {
	token, err := a.dec.Token()
	if err != nil {
		return err
	}
	text, ok := token.(string)
	if n, is := token.(json.Number); is {
		text, ok = n.String(), true
	}
	if !ok {
		return fmt.Errorf("the answer has %s at %s; a number is expected", kindOf(token), a.shape.total)
	}
	a.total, err = parseTotal(text)
	a.totaled = true
	return err
}

// parseTotal reads a count of records.
func parseTotal(s string) (int, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || f != math.Trunc(f) || f > math.MaxInt32 {
		return 0, fmt.Errorf("the answer has a total of %s; 0 to %d is expected", quote(s), math.MaxInt32)
	}
	return int(f), nil
}

func kindOf(token json.Token) string {
	switch token.(type) {
	case json.Delim:
		return "an object or a list"
	case string:
		return "text"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	}
	return "null"
}
