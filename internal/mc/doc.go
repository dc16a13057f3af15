// Package mc is the clockwork of a Monte Carlo run: named random streams, an
// ordered worker pool, and the cutting of a run into chunks. It is the only
// package that knows of seeds. Nothing it decides depends on the number of
// workers, on the machine or on the time.
package mc
