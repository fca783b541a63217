package feeds

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

func convertText(v any) any {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case time.Time:
		return v.UTC().Format(timeLayout)
	case map[string]any, Record, []any:
		out, err := json.Marshal(sanitizeValue(v, 0))
		if err != nil {
			return nil
		}
		return string(out)
	}
	if v = sanitizeValue(v, 0); v == nil {
		return nil
	}
	return text(v)
}

func convertBool(v any) any {
	if b, ok := v.(bool); ok {
		return b
	}
	if f, ok := number(v); ok {
		return f != 0
	}
	switch strings.ToLower(strings.TrimSpace(text(v))) {
	case "true", "t", "yes", "y", "on", "1":
		return true
	case "false", "f", "no", "n", "off", "0":
		return false
	}
	return nil
}

// convertNumber keeps integers exact. What is no finite number is nil.
func convertNumber(v any, kind string) any {
	switch x := v.(type) {
	case bool:
		if x {
			return int64(1)
		}
		return int64(0)
	case json.Number:
		v = x.String()
	case float32:
		v = float64(x)
	}
	if s, ok := v.(string); ok {
		s = strings.TrimSpace(s)
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil
		}
		v = f
	}
	f, ok := number(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	if _, float := v.(float64); float && kind == "integer" && math.Abs(f) < 1<<53 {
		return int64(math.Round(f))
	}
	return v
}
