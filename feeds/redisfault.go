package feeds

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// redisAdvice is what to do about what a server answers, by the word with which its answer begins.
var redisAdvice = []struct{ word, advice string }{
	{"WRONGPASS", "check user and password in url"},
	{"NOAUTH", "it wants a password: put one into url, as redis://:${REDIS_PASSWORD}@host:6379"},
	{"NOPERM", "let the user in url read this key (ACL SETUSER)"},
	{"LOADING", "it is starting; the next poll comes by itself"},
	{"BUSY", "a script keeps it busy; the next poll comes by itself"},
	{"MASTERDOWN", "it has lost its master; see to that, or ask another server"},
	{"MOVED", "it is one of a cluster; put into url the node that it names"},
	{"CLUSTERDOWN", "its cluster is down; see to that"},
	{"max number of clients", "it has too many clients; raise maxclients there"},
	{"DB index is out of range", "check the database at the end of url"},
	{"AUTH", "it wants no password: leave it out of url"},
	{"unknown command", "it is too old for this kind of key; use a newer server"},
}

// explain says of an error what to do, without the password.
func (r *Redis) explain(key string, err error) error {
	if errors.Is(err, errLargeReply) {
		return errLargeReply
	}
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return fmt.Errorf("what is at %s is no %s; name the key with the option of its kind: hash, list, stream or sortedSet", quote(key), r.kind)
	}
	for _, known := range redisAdvice {
		if redis.HasErrorPrefix(err, known.word) {
			return HideSecrets(fmt.Errorf("%s: %w; %s", r.where, err, known.advice), r.opts.URL)
		}
	}
	if errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) {
		return fmt.Errorf("none of the %d connections to %s became free in time; ask for less at the same time, or less often", redisPool, r.where)
	}
	if said := unreachable(r.where, err); said != "" {
		return errors.New(said)
	}
	return HideSecrets(fmt.Errorf("read %s: %w", quote(key), err), r.opts.URL)
}
