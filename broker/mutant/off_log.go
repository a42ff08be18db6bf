//go:build !mutants

package mutant

// See logTable.
const (
	L9   = false
	W1   = false
	W2   = false
	W3   = false
	W3b  = false
	W4a  = false
	W4b  = false
	W4c  = false
	W5   = false
	W6   = false
	W6b  = false
	W7   = false
	W8   = false
	W9   = false
	W10  = false
	W11  = false
	W12  = false
	W13  = false
	W13b = false
	W14  = false
	W15  = false
	W16  = false
	W17  = false
	W18  = false
	W19  = false
	W20  = false
	W21  = false
	W22  = false
	W23  = false
	W24  = false
	W25  = false
	C3   = false
	C4   = false
	C4b  = false
	E4   = false
	E5   = false
	E6   = false
	E10  = false
	S2   = false
)
