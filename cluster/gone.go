package cluster

import "time"

func (p *peer) lives(alone bool) bool { return p.Self || !alone && !p.Gone }

// living returns the names of the incarnations that are not gone.
func (n *nodes) living() map[string]string {
	alone := n.h.messages.isAlone()
	n.mu.Lock()
	defer n.mu.Unlock()
	names := make(map[string]string)
	for incarnation, p := range n.known {
		if p.lives(alone) {
			names[incarnation] = p.Name
		}
	}
	return names
}

// gone says whether an incarnation is known to have gone. Of one that was never heard nothing is known.
func (n *nodes) gone(incarnation string) bool {
	alone := n.h.messages.isAlone()
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.known[incarnation]
	return p != nil && p.Gone && !alone
}

// unheard says whether an incarnation is one of which nothing is known though this node has looked for long enough to know all that live:
// it has just begun, or went before anybody remembers.
func (n *nodes) unheard(incarnation string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known[incarnation] == nil && !n.first.IsZero() && time.Since(n.first) > goneAfter
}
