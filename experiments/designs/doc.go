// Package designs turns specs of sampling studies, TOML files, into studies that
// package design evaluates and optimises. The built-in specs are the published
// examples, and examples of how to write one.
package designs
