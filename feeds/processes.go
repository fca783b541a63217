package feeds

import (
	"cmp"
	"context"
	"fmt"
	"os/user"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shirou/gopsutil/v4/process"
)

// Bounds of what is kept and shown of processes.
const (
	maxCommand = 80   // runes
	maxUsers   = 1000 // names remembered
)

// processes lists what runs on the machine.
type processes struct {
	mu    sync.Mutex
	last  map[processID]usage // guarded by mu, like all below
	users map[uint32]string
}

// processID is a process for good: a pid alone is used again.
type processID struct {
	pid     int32
	created int64 // Unix milliseconds
}

// usage is the processor time of a process at a moment.
type usage struct {
	at      time.Time
	seconds float64
}

// NewProcesses returns a source that lists the processes of this machine, the busiest first. Their cpu is the share of
// one processor since the poll before, or since the process started, or over a short window when there was no poll.
func NewProcesses() Source { return &processes{users: make(map[uint32]string)} }

func (s *processes) Describe() Description {
	return Description{
		Title: "Processes",
		Fields: []Field{
			{Name: "pid", Label: "PID", Type: "integer"},
			{Name: "command", Label: "Command", Type: "string"},
			{Name: "user", Label: "User", Type: "string"},
			{Name: "cpu", Label: "CPU", Unit: "%", Type: "percent"},
			{Name: "memory", Label: "Memory", Type: "bytes"},
			{Name: "threads", Label: "Threads", Type: "integer"},
			{Name: "started", Label: "Started", Type: "time"},
		},
		ID: "pid", Label: "command", Filters: []string{"user"}, Whole: true, PerNode: true,
	}
}

func (s *processes) Poll(ctx context.Context, _ Query) (Result, error) {
	list, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("list processes: %w", err)
	}
	now := readUsage(ctx, list)
	before := s.exchange(now)
	began := time.Now()
	known := s.describe(ctx, list)
	if !withinWindow(before, now) {
		timer := time.NewTimer(minWindow - time.Since(began))
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return Result{}, ctx.Err()
		case <-timer.C:
		}
		before = now
		now = readUsage(ctx, list)
		s.exchange(now)
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	records := make([]Record, 0, len(known))
	for id, r := range known {
		if current, ok := now[id]; ok {
			r["cpu"] = cpuShare(before, id, current)
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b Record) int {
		ca, _ := a["cpu"].(float64)
		cb, _ := b["cpu"].(float64)
		return cmp.Or(cmp.Compare(cb, ca), cmp.Compare(b["memory"].(uint64), a["memory"].(uint64)), cmp.Compare(a["pid"].(int32), b["pid"].(int32)))
	})
	return Result{Records: records}, nil
}

// exchange keeps now and returns what was kept.
func (s *processes) exchange(now map[processID]usage) map[processID]usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.last
	s.last = now
	return before
}

func readUsage(ctx context.Context, list []*process.Process) map[processID]usage {
	out := make(map[processID]usage, len(list))
	for _, p := range list {
		created, err := p.CreateTimeWithContext(ctx)
		if err != nil {
			continue
		}
		if t, err := p.TimesWithContext(ctx); err == nil {
			out[processID{p.Pid, created}] = usage{at: time.Now(), seconds: t.User + t.System}
		}
	}
	return out
}

// withinWindow says whether the time between two polls tells something about now.
func withinWindow(before, now map[processID]usage) bool {
	for id, b := range before {
		if n, ok := now[id]; ok {
			d := n.at.Sub(b.at)
			return minWindow <= d && d <= maxWindow
		}
	}
	return false
}

// describe makes records of processes, but for their share of the processor. Those that are gone have none.
func (s *processes) describe(ctx context.Context, list []*process.Process) map[processID]Record {
	records := make(map[processID]Record, len(list))
	for _, p := range list {
		created, err := p.CreateTimeWithContext(ctx)
		if err != nil || ctx.Err() != nil {
			continue
		}
		var memory uint64
		if m, err := p.MemoryInfoWithContext(ctx); err == nil && m != nil {
			memory = m.RSS
		}
		var threads any
		if n, err := p.NumThreadsWithContext(ctx); err == nil {
			threads = n
		}
		records[processID{p.Pid, created}] = Record{
			"pid": p.Pid, "command": commandOf(ctx, p), "user": s.userOf(ctx, p), "memory": memory, "threads": threads,
			"started": time.UnixMilli(created).UTC().Format(timeLayout),
		}
	}
	return records
}

// cpuShare is nil when it cannot be told. A process that is new since the last poll is measured from its start.
func cpuShare(before map[processID]usage, id processID, now usage) any {
	from, ok := before[id]
	if !ok {
		from = usage{at: time.UnixMilli(id.created)}
	}
	elapsed, used := now.at.Sub(from.at).Seconds(), now.seconds-from.seconds
	if elapsed < minWindow.Seconds() || used < 0 {
		return nil
	}
	return round(100*used/elapsed, 1)
}

// commandOf is the name of the program and its arguments, without the secrets in them.
func commandOf(ctx context.Context, p *process.Process) string {
	args, err := p.CmdlineSliceWithContext(ctx)
	if err != nil || len(args) == 0 || strings.Join(args, "") == "" {
		name, _ := p.NameWithContext(ctx)
		return "[" + clip(cmp.Or(name, strconv.Itoa(int(p.Pid))), maxCommand-2) + "]"
	}
	if strings.HasPrefix(args[0], "/") {
		program, rest, _ := strings.Cut(args[0], " ")
		args[0] = strings.TrimSpace(path.Base(program) + " " + rest)
	}
	line := strings.ToValidUTF8(strings.Join(maskArguments(args, maxCommand*utf8.UTFMax), " "), "\uFFFD")
	return clip(strings.Join(strings.Fields(line), " "), maxCommand)
}

// userOf remembers names, since looking one up may ask a directory service.
func (s *processes) userOf(ctx context.Context, p *process.Process) string {
	uids, err := p.UidsWithContext(ctx)
	if err != nil || len(uids) == 0 {
		name, _ := p.UsernameWithContext(ctx)
		return name
	}
	s.mu.Lock()
	name, known := s.users[uids[0]]
	s.mu.Unlock()
	if known {
		return name
	}
	name = strconv.FormatUint(uint64(uids[0]), 10)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.users) >= maxUsers {
		clear(s.users)
	}
	s.users[uids[0]] = name
	return name
}
