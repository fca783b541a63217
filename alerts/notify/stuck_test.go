package notify

import (
	"context"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// TestStuckRecipient has a server that never takes the mail to the first of two: the other gets his all the same.
func TestStuckRecipient(t *testing.T) {
	t.Parallel()
	server, err := servers.Mail(t.Context())
	s := started(t, server, err)
	m := newEmail(t, EmailOptions{Server: s.URL(), To: []string{"stuck@pulsewall.example", "ops@pulsewall.example"}})
	for tries := 0; recipients(t, s) != "ops@pulsewall.example"; tries++ {
		if tries == 8 {
			t.Fatalf("mails to %q after %d attempts; want one to ops", recipients(t, s), tries)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(tries+1)*time.Second)
		err := m.Notify(ctx, raised())
		cancel()
		if err == nil {
			t.Fatal("told, though one never takes it")
		}
	}
}
