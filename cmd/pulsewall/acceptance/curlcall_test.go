package acceptance

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// curl returns what curl prints: head and body.
func curl(t *testing.T, args ...string) (head, body string) {
	t.Helper()
	out, err := exec.Command(tool(t, "curl", "curl"), append([]string{"--silent", "--include"}, args...)...).Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 28) { // 28: --max-time, which ends a stream
		t.Fatalf("curl %q: %v", args, err)
	}
	head, body, ok := strings.Cut(string(out), "\r\n\r\n")
	if !ok {
		t.Fatalf("curl %q: no head in %q", args, out)
	}
	return head + "\r\n", body
}

// curlUntil returns likewise what curl has printed when that is enough, by when it is ended.
func curlUntil(t *testing.T, enough func(printed string) bool, args ...string) (head, body string) {
	t.Helper()
	out := &tail{}
	cmd := exec.CommandContext(t.Context(), tool(t, "curl", "curl"), append([]string{"--silent", "--include"}, args...)...)
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	eventually(t, time.Minute, func() error {
		if !enough(out.String()) {
			return fmt.Errorf("curl %q has printed %s", args, out)
		}
		return nil
	})
	head, body, _ = strings.Cut(out.String(), "\r\n\r\n")
	return head + "\r\n", body
}
