package feeds

import (
	"context"
	"fmt"
)

// Run calls wake when PostgreSQL notifies: with the payload where that is a unionId and users have records of their own,
// else for all; and for all when it has connected, since what came before nobody knows. It returns when the connection
// fails. Without Listen it only waits for the end of ctx.
func (s *SQL) Run(ctx context.Context, wake func(unionID string)) error {
	if s.opts.Listen == "" {
		<-ctx.Done()
		return nil
	}
	err := s.share.pool.hear(ctx, &sqlHearer{
		channel: s.opts.Listen,
		ready:   func() { wake("") },
		notice:  func(payload string) { wake(s.whose(payload)) },
	})
	if err == nil || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("listen on %s: %w", quote(s.opts.Listen), s.explain(ctx, err, sqlBound{}))
}

// whose is the unionId that a payload names; empty: all.
func (s *SQL) whose(payload string) string {
	if !s.desc.PerUser {
		return ""
	}
	id, err := ParseUnionID(payload)
	if err != nil {
		return ""
	}
	return id
}
