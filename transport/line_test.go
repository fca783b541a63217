package transport

import (
	"testing"
	"unsafe"
)

// TestLines: what a delivery touches of a session is in two lines of the caches, and begins one.
func TestLines(t *testing.T) {
	var s Session
	if at, size := unsafe.Offsetof(s.hub), unsafe.Sizeof(s); unsafe.Sizeof(uintptr(0)) == 8 && (at > 128 || size%64 != 0) {
		t.Errorf("%d bytes of %d; want 128 of a multiple of 64", at, size)
	}
}
