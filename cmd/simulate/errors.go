package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/runs"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// Exit statuses: see the contract in the package comment.
const (
	exitFailed      = 1
	exitRequest     = 2
	exitInterrupted = 3
)

var errInterrupted = errors.New("interrupted")

// errIncomplete is a run that lacks chunks where all of them are needed.
var errIncomplete = errors.New("the run is incomplete")

// A requestError is what the user can put right: usage, spec or data.
type requestError struct {
	err   error
	hints []string
}

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// bad marks an error as a wrong request.
func bad(err error, hints ...string) error {
	if err == nil {
		return nil
	}
	return &requestError{err, hints}
}

// A ranError comes from a command rather than from the parser of flags.
type ranError struct{ err error }

func (e *ranError) Error() string { return e.err.Error() }
func (e *ranError) Unwrap() error { return e.err }

// fail reports an error and returns the exit status.
func (a *app) fail(err error) int {
	a.progress.stop()
	code, hints := classify(err)
	if errors.Is(err, errInterrupted) && a.resume != nil {
		hints = a.resume()
	}
	fmt.Fprintf(a.err, "%s %s\n", a.paint("simulate:"), strings.TrimRight(err.Error(), ".\n"))
	for _, h := range hints {
		fmt.Fprintf(a.err, "simulate: hint: %s\n", h)
	}
	return code
}

// classify returns the exit status of an error and the hints that go with it.
func classify(err error) (code int, hints []string) {
	var near interface{ Nearest() []string }
	if errors.As(err, &near) {
		if names := near.Nearest(); len(names) > 0 {
			hints = append(hints, "did you mean "+strings.Join(names, " or ")+"?")
		}
	}
	var r *requestError
	if errors.As(err, &r) {
		return exitRequest, append(hints, r.hints...)
	}
	var (
		name     *models.UnknownNameError
		csv      *models.CSVError
		spec     *experiments.SpecError
		mismatch *runs.MismatchError
	)
	switch {
	case errors.Is(err, errInterrupted), errors.Is(err, errIncomplete):
		return exitInterrupted, hints
	case errors.As(err, &mismatch):
		return exitRequest, append(hints, "choose another directory with --out, or the spec, seed and version that made this one")
	case errors.As(err, &name), errors.As(err, &csv), errors.As(err, &spec),
		errors.Is(err, models.ErrDomain), errors.Is(err, runs.ErrNotRun), errors.Is(err, singular.ErrNoRoute), errors.Is(err, estimation.ErrData):
		return exitRequest, hints
	}
	return exitFailed, hints
}

// note prints a line on stderr unless --quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, "simulate: "+format+"\n", args...)
	}
}
