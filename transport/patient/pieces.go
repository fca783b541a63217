package patient

import (
	"net"
	"slices"
)

// piece is the caller's bytes, which nobody changes, and how much of them went out.
type piece struct {
	p       []byte
	sent    int
	control bool
	head    bool // it comes before all others, and stays
}

// refuses says why p cannot be added. The writer is locked.
func (w *Writer) refuses(p []byte) error {
	switch {
	case w.failed != nil:
		return w.failed
	case len(p) > 0 && w.said:
		return ErrSaid
	case len(p) > 0 && w.stopped:
		return net.ErrClosed
	}
	return nil
}

func (w *Writer) add(p []byte) {
	if len(p) > 0 {
		w.waiting = append(w.waiting, piece{p: p})
	}
}

func (w *Writer) addControl(p []byte) {
	if int(w.control)+len(p) > mostControl {
		first := 0
		if w.busy { // with these
			first = 1
			if w.waiting[0].head {
				first = 2
			}
		}
		w.drop(first, func(piece piece) bool { return piece.control })
	}
	w.control += int32(len(p))
	w.waiting = append(w.waiting, piece{p: p, control: true})
}

// next is what is to be written: the rest of the first piece, and after a head the piece that follows.
func (w *Writer) next() []byte {
	first := w.waiting[0]
	rest := first.p[first.sent:]
	if first.head && len(w.waiting) > 1 {
		return slices.Concat(rest, w.waiting[1].p)
	}
	return rest
}

// went notes that n bytes more are out, of the first piece, or of a head and the piece that follows.
func (w *Writer) went(n int) {
	first := &w.waiting[0]
	if rest := len(first.p) - first.sent; first.head && n > rest {
		w.waiting = w.waiting[1:]
		w.went(n - rest)
		return
	}
	if first.sent += n; first.sent < len(first.p) {
		return
	}
	if first.control {
		w.control -= int32(len(first.p))
	}
	if len(w.waiting) == 1 {
		w.waiting = nil
		return
	}
	w.waiting = w.waiting[1:]
}

// cut keeps of the data that waits only what has to follow what is out. Nobody is writing.
func (w *Writer) cut() {
	if len(w.waiting) == 0 {
		return
	}
	if first := &w.waiting[0]; !first.control && !first.head && first.sent > 0 {
		end := len(first.p)
		if w.end != nil {
			end = w.end(first.p, first.sent)
		}
		if first.p = first.p[:end]; first.sent == end {
			w.went(0)
		}
	}
	w.drop(0, func(piece piece) bool { return !piece.control && !piece.head })
}

// drop drops some of the pieces, from the first on, that were not begun.
func (w *Writer) drop(first int, which func(piece) bool) {
	var kept []piece
	w.control = 0
	for i, piece := range w.waiting {
		if i >= first && piece.sent == 0 && which(piece) {
			continue
		}
		kept = append(kept, piece)
		if piece.control {
			w.control += int32(len(piece.p))
		}
	}
	w.waiting = kept
}

// fail ends the writer.
func (w *Writer) fail(err error) error {
	w.failed, w.waiting, w.control = err, nil, 0
	return err
}
