package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/neuromanifold/neuromanifold/experiments"
)

// number is a float64 that is null in JSON where it is not finite.
type number = experiments.Number

func numbers(x []float64) []number {
	out := make([]number, len(x))
	for i, v := range x {
		out[i] = number(v)
	}
	return out
}

// printJSON prints one object. It is rendered first, so that a value without a
// JSON form leaves stdout empty.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := a.out.Write(b.Bytes())
	return err
}

// six formats a number with six significant digits, for log-likelihoods, whose
// differences matter.
func six(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case math.IsInf(x, 0):
		return strings.ToLower(strconv.FormatFloat(x, 'g', -1, 64))
	}
	digits := 0
	if x != 0 {
		digits = 5 - int(math.Floor(math.Log10(math.Abs(x))))
	}
	if digits < 0 || digits > 9 {
		return strconv.FormatFloat(x, 'g', 6, 64)
	}
	return strconv.FormatFloat(x, 'f', digits, 64)
}

// table prints rows under a header; the columns of text named in left are
// aligned to the left.
func (a *app) table(header string, left string, rows [][]string) error {
	t := &experiments.Table{Header: strings.Split(header, "|"), Rows: rows}
	for _, h := range t.Header {
		t.Left = append(t.Left, strings.Contains("|"+left+"|", "|"+h+"|"))
	}
	return t.Text(a.out)
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// paint marks the name of the program in an error message on a terminal.
func (a *app) paint(s string) string {
	if !isTerminal(a.err) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return s
	}
	return "\x1b[1;31m" + s + "\x1b[0m"
}

// every is the time between two lines of progress where stderr is no terminal.
const every = 5 * time.Second

// progress shows how far a run is: a bar on a terminal, else a line now and
// then. Its methods accept nil and belong to one goroutine.
type progress struct {
	w           io.Writer
	bar         *progressbar.ProgressBar
	start, last time.Time
	first       int // replicates that were there at the start
	done        bool
}

func (a *app) newProgress() *progress {
	if a.quiet {
		return nil
	}
	a.progress = &progress{w: a.err, start: time.Now(), last: time.Now()}
	return a.progress
}

// report shows the state of the run.
func (p *progress) report(s experiments.Progress) {
	if p == nil || p.done {
		return
	}
	now := time.Now()
	if p.bar == nil && isTerminal(p.w) && s.Skipped < s.ReplicatesTotal {
		p.first = s.Skipped
		p.bar = progressbar.NewOptions(s.ReplicatesTotal-s.Skipped,
			progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription("simulate:"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("replicates"),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24))
	}
	if p.bar != nil {
		_ = p.bar.Set(s.Replicates - p.first) // a bar that cannot be drawn is no reason to stop
		return
	}
	if !p.due() {
		return
	}
	elapsed := now.Sub(p.start).Seconds()
	rate := float64(s.Replicates-s.Skipped) / elapsed
	left := "unknown"
	if rate > 0 {
		left = (time.Duration(float64(s.ReplicatesTotal-s.Replicates)/rate) * time.Second).String()
	}
	fmt.Fprintf(p.w, "simulate: %d of %d replicates (%.0f%%), %d of %d chunks, %.4g replicates/s, %s left\n",
		s.Replicates, s.ReplicatesTotal, 100*float64(s.Replicates)/float64(max(1, s.ReplicatesTotal)),
		s.Chunks, s.ChunksTotal, rate, left)
}

// due says whether it is time for another line.
func (p *progress) due() bool {
	now := time.Now()
	if now.Sub(p.last) < every {
		return false
	}
	p.last = now
	return true
}

// line says how far a task is whose end is not a number of replicates.
func (p *progress) line(format string, args ...any) {
	if p.due() {
		fmt.Fprintf(p.w, "simulate: "+format+"\n", args...)
	}
}

// stop removes the bar.
func (p *progress) stop() {
	if p == nil || p.done {
		return
	}
	p.done = true
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
