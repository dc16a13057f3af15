// Package experiments holds the Monte Carlo experiments of the toolkit, one
// file each, and the engine that runs them.
//
// An experiment is an Experiment[S, R]: a spec type S, whose fields are the
// keys of a TOML file, and a row type R, whose fields are the columns of the
// result. From a spec and a seed the engine makes rows, the same bytes whatever
// the number of workers or shards and however often the run was interrupted.
// A new experiment is one file with one call of register; its own test is the
// one that runs over the whole registry.
package experiments
