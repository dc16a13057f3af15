//go:build race

package modeltest

// raceEnabled: the race detector allocates, so that counts mean nothing.
const raceEnabled = true
