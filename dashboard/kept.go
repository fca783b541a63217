package dashboard

import (
	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/history"
)

// keptLog keeps the messages of a node alone in the file of the history.
type keptLog struct{ store *history.Store }

// Load returns what the last process left.
func (l keptLog) Load(unnamed string) (epoch string, last int64, kept []cluster.Item, err error) {
	epoch, last, list, err := l.store.Log(unnamed)
	for _, m := range list {
		kept = append(kept, cluster.Item{Position: cluster.Position{Seq: m.Seq}, Key: m.Key, Data: m.Data})
	}
	return epoch, last, kept, err
}

// Keep puts messages into the file.
func (l keptLog) Keep(items []cluster.Item) error {
	list := make([]history.Message, len(items))
	for i, item := range items {
		list[i] = history.Message{Seq: item.Seq, Key: item.Key, Data: item.Data}
	}
	return l.store.KeepMessages(list)
}

// kept reads the messages from before this process, if there are any, and returns what gives them to the hub.
func (d *Dashboard) kept() (deliver func(), err error) {
	if l, ok := d.cluster.(*cluster.Local); ok {
		return l.Begin()
	}
	return func() {}, nil
}
