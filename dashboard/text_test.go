package dashboard

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheckText(t *testing.T) {
	tests := []struct {
		data string
		ok   bool
	}{
		{`"plain"`, true},
		{`"\u00e9 \ud83d\ude00 \\ud800 \" [[["`, true},
		{`"\ud800"`, false},
		{`"\ude00\ud83d"`, false},
		{`"\ud800\n"`, false},
		{`{"\udfff":1}`, false},
		{"\"\xff\"", false},
		{strings.Repeat("[", 64) + strings.Repeat("]", 64), true},
		{strings.Repeat("[", 65) + strings.Repeat("]", 65), false},
		{"[" + strings.Repeat("[],", 100) + "{}]", true},
	}
	for _, tt := range tests {
		if !json.Valid([]byte(tt.data)) {
			t.Fatalf("%s is no JSON", tt.data)
		}
		if err := checkText([]byte(tt.data)); (err == nil) != tt.ok {
			t.Errorf("checkText(%.80q) = %v; want ok %v", tt.data, err, tt.ok)
		}
	}
}
