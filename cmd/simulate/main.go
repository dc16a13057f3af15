package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
)

func main() {
	// A replicate leaves some tens of kilobytes of garbage and the heap beside it is a
	// few megabytes: at the default of 100 there is a collection every fiftieth of a
	// second, each of which stops all workers.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// grace is how long a command has after Ctrl-C to end by itself. Every finished
// chunk is on disk already, so that ending the process loses nothing.
const grace = 800 * time.Millisecond

// Main runs the command line and returns its exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(stdin, stdout, stderr)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	code := make(chan int, 1)
	go func() { code <- a.execute(ctx, args) }()
	var late <-chan time.Time
	for {
		select {
		case c := <-code:
			return c
		case <-signals:
			if late == nil {
				cancel(errInterrupted)
				late = time.After(grace)
				continue
			}
			return a.fail(errInterrupted)
		case <-late:
			return a.fail(errInterrupted)
		}
	}
}

// An app is one invocation of the program.
type app struct {
	in       io.Reader
	out, err io.Writer
	root     *cobra.Command

	json, quiet bool
	seed        uint64
	resume      func() []string // the hints after an interruption; nil where there is nothing to resume
	progress    *progress
}

func newApp(in io.Reader, out, err io.Writer) *app {
	a := &app{in: in, out: out, err: err}
	a.root = &cobra.Command{
		Use:   "simulate COMMAND",
		Short: "Simulate and understand singular statistical models",
		Long: `Simulate and understand singular statistical models: mixtures, multilayer
perceptrons, ARMA models and their kin, whose Fisher information degenerates.

A model is written family[:key=value[,key=value…]], as mixture:k=2,sd=tied; data
are a CSV file or a bundled set, as galaxies. Results go to stdout, progress and
errors to stderr. Exit status: 0 done, 1 failed, 2 the request was wrong, 3
interrupted or incomplete.`,
		Example: `  simulate list
  simulate fit mixture:k=2,sd=tied --data faithful --column waiting`,
		Args: cobra.ArbitraryArgs,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.unknownCommand(args[0])
			}
			c.SetOut(a.err)
			if err := c.Help(); err != nil {
				return err
			}
			return &requestError{errors.New("no command given"), nil}
		}),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	a.root.SetIn(in)
	a.root.SetOut(out)
	a.root.SetErr(err)
	a.root.CompletionOptions.DisableDefaultCmd = true
	a.root.SetHelpTemplate(helpTemplate)
	a.root.SetUsageTemplate(helpTemplate)
	a.root.SetFlagErrorFunc(flagError)
	a.root.SetHelpCommand(a.helpCommand())
	a.root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notes on stderr")
	a.root.AddCommand(
		a.listCommand(), a.describeCommand(), a.loglikCommand(), a.fitCommand(), a.testCommand(),
		a.selectCommand(), a.fisherCommand(), a.rlctCommand(), a.limitCommand(), a.flowCommand(), a.spectrumCommand(), a.designCommand(),
		a.runCommand(), a.statusCommand(), a.verifyCommand(), a.replayCommand(),
		a.planCommand(), a.exportCommand(), a.reportCommand(), a.citeCommand(), a.completionCommand(),
	)
	return a
}

const helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}Usage:
  {{.UseLine}}
{{if .HasAvailableSubCommands}}
Commands:
{{range .Commands}}{{if or .IsAvailableCommand (eq .Name "help")}}  {{rpad .Name .NamePadding}} {{.Short}}
{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasExample}}
Examples:
{{.Example}}
{{end}}`

// execute runs the command line and returns the exit status.
func (a *app) execute(ctx context.Context, args []string) int {
	a.root.SetArgs(args)
	err := a.root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ran := (*ranError)(nil); !errors.As(err, &ran) { // cobra's own: flags and arguments
		var r *requestError
		if !errors.As(err, &r) {
			err = &requestError{err, []string{"simulate help COMMAND describes a command"}}
		}
	}
	return a.fail(err)
}

// do makes the RunE of a command: it tells the errors of the command from those
// of cobra.
func (a *app) do(f func(c *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		err := f(c, args)
		a.progress.stop()
		if err == nil {
			return nil
		}
		if cause := context.Cause(c.Context()); cause != nil && (errors.Is(err, context.Canceled) || errors.Is(err, cause)) {
			err = errInterrupted
		}
		return &ranError{err}
	}
}

func (a *app) unknownCommand(name string) error {
	u := &models.UnknownNameError{What: "command", Name: name}
	for _, c := range a.root.Commands() {
		u.Known = append(u.Known, c.Name())
	}
	return u
}

func flagError(c *cobra.Command, err error) error {
	var none *pflag.NotExistError
	if !errors.As(err, &none) {
		return &requestError{err, []string{c.CommandPath() + " --help lists the flags"}}
	}
	u := &models.UnknownNameError{What: "flag of " + c.CommandPath(), Name: "--" + none.GetSpecifiedName()}
	c.Flags().VisitAll(func(f *pflag.Flag) { u.Known = append(u.Known, "--"+f.Name) })
	return u
}

// withJSON adds --json, withSeed --seed.
func (a *app) withJSON(c *cobra.Command) {
	c.Flags().BoolVar(&a.json, "json", false, "print one JSON object")
}

func (a *app) withSeed(c *cobra.Command) {
	c.Flags().Uint64Var(&a.seed, "seed", experiments.DefaultSeed, "seed of the random numbers, below 2^63")
}

func (a *app) checkSeed() error {
	if a.seed >= 1<<63 {
		return bad(fmt.Errorf("--seed %d: want a whole number below 2^63", a.seed))
	}
	return nil
}

// exactly is cobra.ExactArgs with a message that names what is wanted.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return &requestError{
				fmt.Errorf("%s takes %s, not %d arguments", c.CommandPath(), strings.Join(names, " and "), len(args)),
				[]string{"usage: " + c.UseLine()},
			}
		}
		return nil
	}
}
