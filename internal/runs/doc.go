// Package runs keeps the results of a Monte Carlo run in a directory:
//
//	manifest.json      what the run is; its identity never changes
//	chunks/NAME.parquet  rows of one range of replicates of one cell
//
// Files appear whole or not at all: they are written beside their place,
// synced and renamed. Nothing that is written depends on the time, the host or
// the order in which chunks were finished. The package knows neither specs nor
// randomness: rows are structs, chunks are names.
package runs
