//go:build !amd64 || purego

package vec

import "testing"

var usable = []path{portable}

func on(_ testing.TB, _ path, f func()) { f() }
