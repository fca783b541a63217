package cluster

// gone says whether an incarnation is known to have gone. Of one that was never heard nothing is known.
func (n *nodes) gone(incarnation string) bool {
	alone := n.h.messages.isAlone()
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.known[incarnation]
	return p != nil && p.Gone && !alone
}

// heard says whether anything is known of an incarnation: it has just begun, or went long ago, when there is not.
func (n *nodes) heard(incarnation string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known[incarnation] != nil
}
