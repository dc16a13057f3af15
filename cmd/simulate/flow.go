package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type flowFlags struct {
	teacher, start, method, figures string
	until                           float64
	points                          int
	log                             bool
	opt                             dynamics.MethodOptions
}

// mostSteps bounds a trajectory of fixed steps, and mostContinuous one of steps that
// the method chooses, which are as many only where the problem is stiff.
const (
	mostSteps      = 1e9
	mostContinuous = 2_000_000
)

func (a *app) flowCommand() *cobra.Command {
	var o flowFlags
	var about strings.Builder
	var names []string
	for _, m := range dynamics.Methods() {
		fmt.Fprintf(&about, "\n  %-10s %s", m.Name, m.Doc)
		names = append(names, m.Name)
	}
	c := &cobra.Command{
		Use:   "flow MODEL --teacher θ*|MODEL@θ* --start θ",
		Short: "Follow a learning trajectory, near and away from the singular set",
		Long: `Follow a learning trajectory of MODEL from --start, with the law at --teacher as the
truth: a θ of the same model, or another model with its θ, as mlp:hidden=1@1,1.
The loss is KL(teacher‖student) in nats per observation, averaged exactly or by
quadrature; time τ is the step size times the number of steps. The trajectory runs
to --until unless it diverges or leaves the domain, which is said under "stop" with
what to try. Methods:
` + about.String(),
		Example: `  simulate flow mlp:hidden=2 --teacher=0.5,2,1,1 --start=1.35,1.45,1.2,0.4 --until 2000
  simulate flow mlp:hidden=2 --teacher mlp:hidden=1@1,1 --start=0.8,1.1,0.7,0.3 --method natural --until 5 --json`,
		Args:              exactly("a MODEL"),
		ValidArgsFunction: familyNames,
		RunE: a.do(func(c *cobra.Command, args []string) error {
			if err := a.checkSeed(); err != nil {
				return err
			}
			return a.flow(c, args[0], &o)
		}),
	}
	f := c.Flags()
	f.StringVar(&o.teacher, "teacher", "", "the truth: θ of MODEL, or MODEL@θ")
	f.StringVar(&o.start, "start", "", "θ to start at, as --start=-0.5,0.3,1")
	f.StringVar(&o.method, "method", "gd", strings.Join(names, ", "))
	f.Float64Var(&o.until, "until", 100, "time τ to run to")
	f.IntVar(&o.points, "points", 200, "recorded times, from τ = 0 on")
	f.BoolVar(&o.log, "log", false, "space the recorded times evenly in log τ, from until/10000 on")
	f.Float64Var(&o.opt.Step, "step", 0, "step size η; without it gd, natural and em run in continuous time and others take 0.01")
	f.IntVar(&o.opt.Batch, "batch", 1, "observations for each step of sgd, momentum and adam")
	f.Float64Var(&o.opt.Damping, "damping", 0, "ε of (F + εI)⁻¹ in the natural gradients, at the start alone in the adaptive one, where it is 1 unless given")
	f.Float64Var(&o.opt.Rate, "rate", 0.001, "rate of the estimate of F⁻¹ in the adaptive natural gradient")
	f.Float64Var(&o.opt.Temperature, "temperature", 0, "temperature of langevin, 1/n for a posterior of n observations")
	f.StringVar(&o.figures, "figures", "", "directory for figures")
	_ = c.RegisterFlagCompletionFunc("method", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	a.withSeed(c)
	a.withJSON(c)
	return c
}

// objective reads the teacher.
func (o *flowFlags) objective(m models.Model) (*dynamics.Objective, error) {
	truth, theta := m, o.teacher
	if model, at, found := strings.Cut(o.teacher, "@"); found {
		var err error
		if truth, err = parseModel(model); err != nil {
			return nil, fmt.Errorf("--teacher: %w", err)
		}
		theta = at
	}
	at, err := parseTheta(truth, "teacher", theta)
	if err != nil {
		return nil, err
	}
	obj, err := dynamics.NewObjective(m, truth, at)
	if err != nil {
		return nil, bad(fmt.Errorf("--teacher: %w", err))
	}
	return obj, nil
}

// clock checks the times.
func (o *flowFlags) clock() (dynamics.Clock, error) {
	k := dynamics.Clock{Until: o.until, Points: o.points}
	if !(o.until > 0) || math.IsInf(o.until, 0) {
		return k, bad(fmt.Errorf("--until %v: want a finite time above 0", o.until))
	}
	if o.points < 2 || o.points > 1_000_000 {
		return k, bad(fmt.Errorf("--points %d: want a whole number from 2 to 1000000", o.points))
	}
	if o.log {
		k.First = o.until / 1e4
	}
	if s := o.opt.Step; s != 0 {
		if !(s > 0) || math.IsInf(s, 0) {
			return k, bad(fmt.Errorf("--step %v: want a finite number above 0", s))
		}
		if s > o.until {
			return k, bad(fmt.Errorf("--step %v with --until %v: want a step that is not longer than the run", s, o.until))
		}
		if o.until/s > mostSteps {
			return k, bad(fmt.Errorf("--until %v with --step %v: these are %.2g steps, and at most %.0e are taken", o.until, s, o.until/s, mostSteps))
		}
		k.Budget = int(o.until/s) + o.points + 1
	} else if slices.Contains([]string{"gd", "implicit", "natural", "em"}, o.method) {
		k.Budget = o.points + mostContinuous
	}
	if o.opt.Batch < 1 || o.opt.Batch > 1_000_000 {
		return k, bad(fmt.Errorf("--batch %d: want a whole number from 1 to 1000000", o.opt.Batch))
	}
	return k, nil
}

// positive refuses a 0 for a number that has another default.
func (o *flowFlags) positive(c *cobra.Command) error {
	if c.Flags().Changed("step") && o.opt.Step == 0 {
		return bad(errors.New("--step 0: want a finite number above 0, or no --step"))
	}
	if c.Flags().Changed("rate") && o.opt.Rate == 0 {
		return bad(errors.New("--rate 0: want a finite number above 0; without --rate it is 0.001"))
	}
	if o.method == "adaptive" && c.Flags().Changed("damping") && o.opt.Damping == 0 {
		return bad(errors.New("--damping 0: the adaptive natural gradient starts from a number above 0; without --damping it is 1"))
	}
	return nil
}

func (a *app) flow(c *cobra.Command, name string, o *flowFlags) error {
	m, err := parseModel(name)
	if err != nil {
		return err
	}
	obj, err := o.objective(m)
	if err != nil {
		return err
	}
	start, err := parseTheta(m, "start", o.start)
	if err != nil {
		return err
	}
	clock, err := o.clock()
	if err != nil {
		return err
	}
	if err := o.positive(c); err != nil {
		return err
	}
	flow, err := dynamics.NewMethod(o.method, obj, start, o.opt)
	if err != nil {
		return bad(fmt.Errorf("--method %s: %w", o.method, err))
	}
	if o.figures != "" {
		if err := os.MkdirAll(o.figures, 0o777); err != nil {
			return bad(fmt.Errorf("--figures: %w", err))
		}
	}
	if p := a.newProgress(); p != nil {
		clock.Watch = func(tau float64, steps int) {
			p.line("τ = %.4g of %g after %d steps", tau, o.until, steps)
		}
	}
	rng := mc.Key{Seed: a.seed, Experiment: "flow"}.Stream("flow")
	p, err := dynamics.Run(c.Context(), flow, obj.Loss, start, clock, rng, dynamics.DistanceProbes(m)...)
	if c.Context().Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return bad(fmt.Errorf("--start: %w", err))
	}
	if o.figures != "" {
		if err := saveFlowFigures(o.figures, p); err != nil {
			return err
		}
		a.note("figures are in %s", o.figures)
	}
	if a.json {
		return a.printFlowJSON(name, m, o, obj, p)
	}
	return a.printFlow(m, o, obj, p)
}

// strata are the names of the strata that the probes of a path belong to.
func strata(p *dynamics.Path) []string {
	var out []string
	for _, n := range p.Names {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(n, "distance["), "]"))
	}
	return out
}

func (a *app) printFlowJSON(name string, m models.Model, o *flowFlags, obj *dynamics.Objective, p *dynamics.Path) error {
	out := struct {
		Model    string              `json:"model"`
		Seed     uint64              `json:"seed"`
		Teacher  string              `json:"teacher"`
		Method   string              `json:"method"`
		Step     number              `json:"step"` // null: continuous time, or the default of the method
		Route    string              `json:"route"`
		Params   []string            `json:"params"`
		T        []number            `json:"t"`
		Theta    [][]number          `json:"theta"`
		Loss     []number            `json:"loss"`
		Bound    []number            `json:"loss_error"`      // of the absolute error; 0: rounding only
		Kind     string              `json:"loss_error_kind"` // bound, or estimate: by half the nodes
		Distance map[string][]number `json:"distance"`
		Plateaus []plateauJSON       `json:"plateaus"`
		Decay    *decayJSON          `json:"decay"` // null: the loss follows neither law at the end
		Steps    int                 `json:"steps"`
		Stop     string              `json:"stop"`
		Reason   string              `json:"reason,omitempty"`
		Advice   string              `json:"advice,omitempty"`
	}{
		Model: name, Seed: a.seed, Teacher: o.teacher, Method: o.method, Step: number(o.opt.Step), Route: obj.Route.String(), Params: paramNames(m),
		T: numbers(p.T), Theta: matrix(p.Theta), Loss: numbers(p.Loss), Bound: numbers(obj.Bounds(p)), Kind: "bound", Distance: map[string][]number{},
		Steps: p.Steps, Stop: p.Stop.String(), Reason: p.Reason, Advice: p.Stop.Advice(),
	}
	if o.opt.Step == 0 {
		out.Step = number(math.NaN())
	}
	if obj.Estimated {
		out.Kind = "estimate"
	}
	out.Plateaus = []plateauJSON{}
	for _, q := range p.Plateaus() {
		j := plateauJSON{From: number(q.From), To: number(q.To), Level: number(q.Level), Escaped: q.Escaped, Direction: numbers(q.Direction)}
		if q.Stratum >= 0 {
			j.Stratum = strata(p)[q.Stratum]
		}
		out.Plateaus = append(out.Plateaus, j)
	}
	if d, ok := lateDecay(p); ok {
		out.Decay = &decayJSON{"exponential", number(d.Exponent), number(d.SE)}
		if d.Algebraic {
			out.Decay.Law = "algebraic"
		}
	}
	for i, s := range strata(p) {
		out.Distance[s] = numbers(p.Probes[i])
	}
	return a.printJSON(out)
}

type plateauJSON struct {
	From      number   `json:"from"`
	To        number   `json:"to"`
	Level     number   `json:"level"`
	Stratum   string   `json:"stratum,omitempty"`
	Escaped   bool     `json:"escaped"`
	Direction []number `json:"direction"` // unit vector of θ along which it was left
}

type decayJSON struct {
	Law      string `json:"law"` // algebraic: τ^(−exponent); exponential: e^(−exponent·τ)
	Exponent number `json:"exponent"`
	SE       number `json:"se"`
}

// lateDecay fits the laws of decay to the last nine tenths of the time if the loss falls
// by more than a half there and one law is clearly the better one.
func lateDecay(p *dynamics.Path) (dynamics.Decay, bool) {
	n := len(p.T)
	from := p.T[n-1] / 10
	d, ok := dynamics.FitDecay(p.T, p.Loss, from)
	if !ok {
		return d, false
	}
	i := slices.IndexFunc(p.T, func(t float64) bool { return t >= from })
	return d, p.Loss[n-1] < p.Loss[i]/2 && d.Ratio < 0.1
}

// flowRows is the number of times in the table for reading.
const flowRows = 15

func (a *app) printFlow(m models.Model, o *flowFlags, obj *dynamics.Objective, p *dynamics.Path) error {
	a.printf("%s of %v, teacher %s, loss ", o.method, m, o.teacher)
	if obj.Route == models.Exact {
		a.printf("exact")
	} else {
		how := "at most"
		if obj.Estimated {
			how = "by half the nodes"
		}
		a.printf("by %v ± %.0e %s", obj.Route, slices.Max(obj.Bounds(p)), how)
	}
	if i := slices.IndexFunc(dynamics.Methods(), func(i dynamics.MethodInfo) bool { return i.Name == o.method }); i >= 0 && dynamics.Methods()[i].Sampled {
		a.printf(", seed %d", a.seed)
	}
	a.printf("\n\n")
	names := paramNames(m)
	const most = 6
	header := "τ|loss (nats)|" + strings.Join(names[:min(most, len(names))], "|")
	nearest := len(p.Names) > 0
	if nearest {
		header += "|nearest stratum|distance"
	}
	n := len(p.T)
	rows := min(n, flowRows)
	var table [][]string
	for k := range rows {
		i := k
		if rows > 1 {
			i = k * (n - 1) / (rows - 1)
		}
		row := []string{experiments.Format(p.T[i]), experiments.Format(p.Loss[i])}
		for _, v := range p.Theta.RawRowView(i)[:min(most, len(names))] {
			row = append(row, experiments.Format(v))
		}
		if nearest {
			s, d := p.Nearest(i)
			row = append(row, strata(p)[s], experiments.Format(d))
		}
		table = append(table, row)
	}
	if err := a.table(header, "nearest stratum", table); err != nil {
		return err
	}
	end, tau := p.End()
	var values []string
	for _, v := range end {
		values = append(values, experiments.Format(v))
	}
	a.printf("\nθ at τ = %s: %s\n", experiments.Format(tau), strings.Join(values, ", "))
	for _, q := range p.Plateaus() {
		a.printf("%s\n", plateauText(p, q))
	}
	if d, ok := lateDecay(p); ok {
		law := "e^(−%sτ)"
		if d.Algebraic {
			law = "τ^(−%s)"
		}
		a.printf("loss falls as "+law+" at the end, exponent ± %s\n", experiments.Format(d.Exponent), experiments.Format(d.SE))
	}
	if p.Stop != dynamics.Done {
		a.printf("stopped (%v): %s; %s\n", p.Stop, p.Reason, p.Stop.Advice())
		return nil
	}
	a.printf("ran to the end in %d steps\n", p.Steps)
	return nil
}

func plateauText(p *dynamics.Path, q dynamics.Plateau) string {
	s := fmt.Sprintf("plateau at loss %s from τ = %s for %s", experiments.Format(q.Level), experiments.Format(q.From), experiments.Format(q.To-q.From))
	if q.Stratum >= 0 {
		s += fmt.Sprintf(", nearest to %s", strata(p)[q.Stratum])
	}
	if !q.Escaped {
		s += ", not left by the end"
	}
	return s
}
