package datasets

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

// TestSets checks every set against its catalogue entry, and the mean of its
// last default column against the one that awk computed from the exported files
// when they were bundled, to seven decimals: a file that was touched shows.
func TestSets(t *testing.T) {
	mean := map[string]float64{
		"airpassengers": 280.2986111, "digits": 4.4908180, "faithful": 70.8970588, "galaxies": 20828.1707317,
		"lakehuron": 579.0040816, "lh": 2.4, "nile": 919.35, "sunspot-year": 48.6134948, "sunspots": 51.2659574,
		"synth-loo": 1.1417836, "usaccdeaths": 8788.7916667,
	}
	provenance, err := os.ReadFile("PROVENANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	sets := List()
	if !slices.IsSortedFunc(sets, func(a, b Set) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("List is not sorted by name")
	}
	entries, err := files.ReadDir("data")
	if err != nil || len(entries) != len(sets) || len(mean) != len(sets) {
		t.Errorf("%d files, %d sets, %d means (%v)", len(entries), len(sets), len(mean), err)
	}
	for _, s := range sets {
		if !strings.Contains(string(provenance), "| `"+s.Name+"` |") {
			t.Errorf("%s: no row in PROVENANCE.md", s.Name)
		}
		if s.Doc == "" || s.Source == "" {
			t.Errorf("%s: doc or source is empty", s.Name)
		}
		all := make([]string, len(s.Columns))
		for i, c := range s.Columns {
			all[i] = c.Name
		}
		tab, err := s.Table(all...)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		if tab.N != s.N || len(tab.V) != s.N*len(all) {
			t.Errorf("%s: %d rows, the catalogue says %d", s.Name, tab.N, s.N)
		}
		if tab, err = s.Table(); err != nil || !slices.Equal(tab.Names, s.Default) {
			t.Errorf("%s: default columns %q, %v", s.Name, tab.Names, err)
			continue
		}
		sum, w := 0.0, len(tab.Names)
		for i := range tab.N {
			sum += tab.V[i*w+w-1]
		}
		if got := sum / float64(tab.N); !(math.Abs(got-mean[s.Name]) < 1e-7*math.Abs(got)) {
			t.Errorf("%s: mean %.7f, want %.7f", s.Name, got, mean[s.Name])
		}
	}
}

// TestColumnsAreAllOfTheFile guards against a catalogue that forgets a column.
func TestColumnsAreAllOfTheFile(t *testing.T) {
	for _, s := range List() {
		f, err := files.Open("data/" + s.Name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		tab, err := models.ReadCSV(f, s.Name, nil)
		f.Close()
		if err != nil || len(tab.Names) != len(s.Columns) {
			t.Errorf("%s: %d columns in the file, %d in the catalogue (%v)", s.Name, len(tab.Names), len(s.Columns), err)
		}
	}
}

func TestGalaxiesKeepsTheTypoOfMASS(t *testing.T) {
	s, err := Lookup("galaxies")
	if err != nil {
		t.Fatal(err)
	}
	tab, err := s.Table()
	if err != nil || tab.V[77] != 26690 || !strings.Contains(s.Note, "26960") {
		t.Errorf("value 78 is %v (%v); it must be MASS's 26690, with a note", tab.V[77], err)
	}
}

func TestLookupErrors(t *testing.T) {
	_, err := Lookup("galaxy")
	var ue *models.UnknownNameError
	if !errors.As(err, &ue) || !slices.Equal(ue.Nearest(), []string{"galaxies"}) {
		t.Errorf("galaxy: %v", err)
	}
	s, _ := Lookup("faithful")
	if _, err := s.Table("wating"); !errors.As(err, &ue) || !slices.Equal(ue.Nearest(), []string{"waiting"}) {
		t.Errorf("faithful, column wating: %v", err)
	}
	if _, err := (Set{Name: "nowhere"}).Table(); err == nil {
		t.Error("a set that is not bundled has a table")
	}
}
