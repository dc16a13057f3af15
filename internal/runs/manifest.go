package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Format is the version of the layout of a run directory.
const Format = 1

// An Identity says which numbers a run produces: two runs of equal identity
// have the same rows wherever both have them. The number of replicates, workers,
// shards, hosts, paths and revisions are no part of it.
type Identity struct {
	Experiment string `json:"experiment"`
	Version    int    `json:"version"`
	Seed       uint64 `json:"seed"`
	Stream     int    `json:"stream"`
	Arch       string `json:"arch"`   // GOARCH, with +fma where this build fuses x*y + z: bit-identity is promised per architecture
	Kernel     string `json:"kernel"` // version of the kernels' arithmetic: the same bits on every machine of an architecture
	Spec       string `json:"spec"`   // canonical: one "key = value" a line, every key
}

// Hash returns the SHA-256 of the identity in hexadecimal.
func (id Identity) Hash() string {
	h := sha256.New()
	for _, s := range []string{
		"neuromanifold run", strconv.Itoa(Format), id.Experiment, strconv.Itoa(id.Version),
		strconv.FormatUint(id.Seed, 10), strconv.Itoa(id.Stream), id.Arch, id.Kernel, id.Spec,
	} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A Difference is a field in which two identities differ.
type Difference struct{ Field, Theirs, Ours string }

// Diff returns the fields in which theirs, the identity of an existing run,
// differs from ours, in order; specs are compared key by key. A key that one of
// them lacks is shown as "(none)".
func Diff(theirs, ours Identity) []Difference {
	var ds []Difference
	add := func(field, a, b string) {
		if a != b {
			ds = append(ds, Difference{field, a, b})
		}
	}
	add("experiment", theirs.Experiment, ours.Experiment)
	add("version", strconv.Itoa(theirs.Version), strconv.Itoa(ours.Version))
	add("seed", strconv.FormatUint(theirs.Seed, 10), strconv.FormatUint(ours.Seed, 10))
	add("stream", strconv.Itoa(theirs.Stream), strconv.Itoa(ours.Stream))
	add("arch", theirs.Arch, ours.Arch)
	add("kernel", theirs.Kernel, ours.Kernel)
	a, b := specLines(theirs.Spec), specLines(ours.Spec)
	find := func(ls [][2]string, key string) string {
		for _, l := range ls {
			if l[0] == key {
				return l[1]
			}
		}
		return "(none)"
	}
	for _, l := range b {
		add("spec."+l[0], find(a, l[0]), l[1])
	}
	for _, l := range a {
		if find(b, l[0]) == "(none)" {
			add("spec."+l[0], l[1], "(none)")
		}
	}
	if len(ds) == 0 && theirs.Spec != ours.Spec {
		add("spec", theirs.Spec, ours.Spec)
	}
	return ds
}

func specLines(spec string) [][2]string {
	var ls [][2]string
	for line := range strings.Lines(spec) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		ls = append(ls, [2]string{k, v})
	}
	return ls
}

// A MismatchError is a run directory of another identity.
type MismatchError struct {
	Dir   string
	Diffs []Difference
}

// Error lists the differing fields, one a line.
func (e *MismatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s holds another run; these fields differ:", e.Dir)
	for _, d := range e.Diffs {
		fmt.Fprintf(&b, "\n  %s: theirs %s, ours %s", d.Field, d.Theirs, d.Ours)
	}
	return b.String()
}

// A Column documents one column of the rows.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Unit string `json:"unit,omitempty"`
	Doc  string `json:"doc,omitempty"`
}

// A Manifest describes a run. Identity is fixed when the directory is made;
// Replicates is the largest number per cell that was asked for.
type Manifest struct {
	Format     int      `json:"format"`
	Identity   Identity `json:"identity"`
	Hash       string   `json:"hash"` // of Identity
	Replicates int      `json:"replicates"`
	Chunk      int      `json:"chunk"` // replicates in a full chunk
	Cells      []string `json:"cells"`
	Columns    []Column `json:"columns"`
	Sources    []string `json:"sources,omitempty"`
}

// maxManifest bounds what ParseManifest reads.
const maxManifest = 64 << 20

// ParseManifest reads a manifest and checks that it is complete and that its
// hash is that of its identity.
func ParseManifest(r io.Reader) (*Manifest, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxManifest {
		return nil, errors.New("longer than 64 MiB")
	}
	var head struct{ Format int }
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	if head.Format != Format {
		return nil, fmt.Errorf("format %d: this version reads format %d", head.Format, Format)
	}
	m := new(Manifest)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, err
	}
	switch {
	case m.Identity.Experiment == "":
		return nil, errors.New("no experiment")
	case m.Replicates < 0 || m.Chunk < 1:
		return nil, fmt.Errorf("replicates %d in chunks of %d", m.Replicates, m.Chunk)
	case m.Hash != m.Identity.Hash():
		return nil, errors.New("its hash is not that of its identity: it was edited")
	}
	return m, nil
}

// Encode returns the manifest as JSON, the same bytes for the same content.
func (m *Manifest) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}
