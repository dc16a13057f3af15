package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Dir is an open run directory.
type Dir struct {
	Path     string
	Manifest *Manifest
}

// Error says which file of a run directory is bad, and how.
type Error struct {
	File string
	Err  error
}

func (e *Error) Error() string { return e.File + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// ErrNotRun is wrapped by the error of Open for a directory without a manifest.
var ErrNotRun = errors.New("not a run directory")

const (
	manifestName = "manifest.json"
	chunkDir     = "chunks"
	chunkExt     = ".parquet"
	tempPrefix   = ".tmp-"
)

// Open opens an existing run directory for reading and for adding chunks.
func Open(path string) (*Dir, error) {
	name := filepath.Join(path, manifestName)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: it has no %s", path, ErrNotRun, manifestName)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := ParseManifest(f)
	if err != nil {
		return nil, &Error{name, err}
	}
	return &Dir{Path: path, Manifest: m}, nil
}

// Create opens the run directory with the identity of m, or makes it. An
// existing directory of another identity is a *MismatchError, and one that holds
// other files but no manifest is refused; both are left as they are. Replicates
// in the manifest is raised to that of m if it is lower. Several processes may
// create the same directory at once.
func Create(path string, m Manifest) (*Dir, error) {
	m.Format, m.Hash = Format, m.Identity.Hash()
	d, err := Open(path)
	switch {
	case err == nil:
		if d.Manifest.Hash != m.Hash {
			return nil, &MismatchError{path, Diff(d.Manifest.Identity, m.Identity)}
		}
		if m.Replicates <= d.Manifest.Replicates {
			return d, nil
		}
	case errors.Is(err, ErrNotRun):
		if err := checkEmpty(path); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(path, chunkDir), 0o777); err != nil {
		return nil, err
	}
	text, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if err := writeFile(path, manifestName, text); err != nil {
		return nil, err
	}
	return &Dir{Path: path, Manifest: &m}, nil
}

// checkEmpty returns an error if path exists and is not an empty directory.
// What a process left that died while it made the directory does not count.
func checkEmpty(path string) error {
	es, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range es {
		if e.Name() != chunkDir && e.Name() != "logs" && !strings.HasPrefix(e.Name(), tempPrefix) {
			return fmt.Errorf("%s is not empty and not a run directory: it holds %s", path, e.Name())
		}
	}
	return nil
}

// Chunks returns the names of the chunks that are there, sorted.
func (d *Dir) Chunks() ([]string, error) {
	es, err := os.ReadDir(filepath.Join(d.Path, chunkDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range es {
		name, ok := strings.CutSuffix(e.Name(), chunkExt)
		if ok && !strings.HasPrefix(name, tempPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// ChunkFile returns the path of the chunk of that name.
func (d *Dir) ChunkFile(name string) string {
	return filepath.Join(d.Path, chunkDir, name+chunkExt)
}

// Remove removes a chunk. A chunk that is not there is no error.
func (d *Dir) Remove(name string) error {
	if err := os.Remove(d.ChunkFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeFile writes dir/name so that the file is whole or absent even if the
// machine stops in between.
func writeFile(dir, name string, data []byte) (err error) {
	f, err := os.CreateTemp(dir, tempPrefix+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir durable. A file system that cannot sync a
// directory has nothing better to offer, so its refusal is no error.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	_ = f.Sync()
	return nil
}
