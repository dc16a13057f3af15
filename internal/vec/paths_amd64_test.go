//go:build amd64 && !purego

package vec

import "testing"

// usable are the paths of this machine, the portable one first.
var usable = func() (ps []path) {
	for p := range detect() + 1 {
		ps = append(ps, p)
	}
	return ps
}()

// on runs f with the kernels on path p.
func on(t testing.TB, p path, f func()) {
	t.Helper()
	old := chosen
	chosen = p
	defer func() { chosen = old }()
	f()
}
