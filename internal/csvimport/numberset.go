package csvimport

import "strconv"

const (
	// maxNumbers bounds a numberSet to 64 MiB: 2^22 numbers of 8 bytes, at
	// most half of the slots in use.
	maxNumbers = 1 << 22

	firstSlots = 1 << 10
)

// numberSet is a set of E.164 numbers in 8 bytes each, by open addressing. A
// Go map needs three times that, and the file may name every phone of a
// country. It is exact up to its limit, and takes no more numbers beyond it.
type numberSet struct {
	slots []uint64 // zero: free. No number is zero
	used  int
	limit int
}

func newNumberSet(limit int) *numberSet {
	return &numberSet{slots: make([]uint64, firstSlots), limit: limit}
}

// full reports whether a number that was not seen may go unnoticed from now on.
func (s *numberSet) full() bool { return s.used >= s.limit }

// seen reports whether the number was added before, and adds it if there is
// room.
func (s *numberSet) seen(digits string) bool {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 {
		return false
	}
	i := s.slot(n)
	if s.slots[i] == n {
		return true
	}
	if s.full() {
		return false
	}
	s.slots[i] = n
	s.used++
	if s.used*2 > len(s.slots) {
		s.grow()
	}
	return false
}

// slot finds where n is, or would be.
func (s *numberSet) slot(n uint64) int {
	mask := len(s.slots) - 1
	// Fibonacci hashing: neighbouring numbers, the usual case, are spread.
	for i := int(n * 0x9E3779B97F4A7C15 >> 32); ; i++ {
		if got := s.slots[i&mask]; got == 0 || got == n {
			return i & mask
		}
	}
}

func (s *numberSet) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	for _, n := range old {
		if n != 0 {
			s.slots[s.slot(n)] = n
		}
	}
}
