package feeds

import "strings"

// addValue adds to r what a text of a source without fields means: the fields of a JSON object, or else a value under the
// given name. What r has already stays.
func addValue(r Record, name, text string) {
	if t := strings.TrimSpace(text); strings.HasPrefix(t, "{") {
		var object map[string]any
		if unmarshal([]byte(t), &object) == nil {
			for k, v := range object {
				if _, taken := r[k]; !taken {
					r[k] = plainNumbers(v)
				}
			}
			return
		}
	}
	r[name] = scalar(text)
}

// scalar is the number, the truth value or the list that a text is as JSON, or else the text.
func scalar(text string) any {
	t := strings.TrimSpace(text)
	if t == "" || !strings.ContainsAny(t[:1], "-0123456789tf[{") {
		return text
	}
	var v any
	if unmarshal([]byte(t), &v) != nil {
		return text
	}
	return plainNumbers(v)
}
