package history

import "testing"

// TestAlerts swaps values, and finds them again when the file is opened again.
func TestAlerts(t *testing.T) {
	t.Parallel()
	now, dir := noon, t.TempDir()
	s := open(t, dir, &now, LeastSize)
	for _, tt := range []struct{ old, next, want string }{
		{"x", "a", ""}, {"", "a", "a"}, {"", "b", "a"}, {"x", "b", "a"}, {"a", "b", "b"}, {"b", "", ""}, {"", "c", "c"},
	} {
		got, err := s.SwapAlert("k", bytesOf(tt.old), bytesOf(tt.next))
		if err != nil || string(got) != tt.want || (got == nil) != (tt.want == "") {
			t.Errorf("SwapAlert(%q, %q) = %q, %v; want %q", tt.old, tt.next, got, err, tt.want)
		}
	}
	must(t, s.Close())
	s = open(t, dir, &now, LeastSize)
	if all, err := s.Alerts(); err != nil || len(all) != 1 || string(all["k"]) != "c" {
		t.Errorf("Alerts = %q, %v; want c", all, err)
	}
}

func bytesOf(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
