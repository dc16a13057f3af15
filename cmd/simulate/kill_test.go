package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killArgs describe a run of ten chunks of some 50 ms each.
var killArgs = []string{"run", "normal-mean", "--set", "n=10000,10001", "--replicates", "2400", "--quiet"}

// A run that is killed half-way and resumed has the same bytes as an
// uninterrupted one, as a run with eight workers, and as one in three shards.
func TestKillAndResume(t *testing.T) {
	root := t.TempDir()
	dir := func(name string) string { return filepath.Join(root, name) }
	simulate := func(out string, more ...string) *exec.Cmd {
		c := exec.Command("simulate", append(append(append([]string{}, killArgs...), "--out", dir(out)), more...)...)
		c.Stderr = os.Stderr
		return c
	}
	must := func(c *exec.Cmd) {
		t.Helper()
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
	}
	must(simulate("one", "--workers", "1"))
	must(simulate("eight", "--workers", "8"))
	for _, shard := range []string{"2/3", "0/3", "1/3"} {
		must(simulate("shards", "--shard", shard))
	}

	victim := simulate("killed", "--workers", "1")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for len(chunkFiles(t, dir("killed"))) < 4 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if err := victim.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatalf("the run was over before it could be killed: %v", err)
	}
	if err := victim.Wait(); err == nil {
		t.Fatal("the run ended by itself")
	}
	done, total := chunkCount(t, dir("killed"))
	if done <= 0 || done >= total {
		t.Fatalf("%d of %d chunks were done at the kill: want some but not all", done, total)
	}
	t.Logf("killed with %d of %d chunks done", done, total)
	must(simulate("killed", "--workers", "2"))

	want := contents(t, dir("one"))
	if len(want) != total+1 {
		t.Errorf("an uninterrupted run has %d files, want %d chunks and a manifest", len(want), total)
	}
	for _, name := range []string{"eight", "shards", "killed"} {
		got := contents(t, dir(name))
		for file, data := range want {
			if !bytes.Equal(got[file], data) {
				t.Errorf("%s: %s differs from that of one worker", name, file)
			}
		}
		for file := range got {
			// A killed process may leave a temporary file behind, never half a chunk.
			if _, ok := want[file]; !ok && !strings.Contains(file, ".tmp-") {
				t.Errorf("%s: unexpected file %s", name, file)
			}
		}
	}
}

// Ctrl-C ends a run within a second, with exit status 3, and says how to resume.
func TestInterrupt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run dir")
	var stdout, stderr bytes.Buffer
	c := exec.Command("simulate", "run", "normal-mean", "--set", "n=200000", "--replicates", "100000", "--out", dir)
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err == nil {
			break
		}
	}
	time.Sleep(100 * time.Millisecond)
	asked := time.Now()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if took := time.Since(asked); took > 2*time.Second { // one second, and as much for a busy machine
		t.Errorf("the run took %v to end", took)
	}
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit status %d, want %d\n%s", code, exitInterrupted, &stderr)
	}
	if stdout.Len() > 0 {
		t.Errorf("printed %q", &stdout)
	}
	want := "simulate: hint: every finished chunk is kept in " + dir + "; to resume: simulate run normal-mean --set n=200000 --replicates 100000 --out '" + dir + "'\n"
	if !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("stderr is\n%s\nwant it to end with\n%s", &stderr, want)
	}
}

func chunkFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "chunks", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func chunkCount(t *testing.T, dir string) (done, total int) {
	t.Helper()
	out, err := exec.Command("simulate", "status", dir, "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ Chunks struct{ Done, Total int } }
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s.Chunks.Done, s.Chunks.Total
}

// contents returns every file of a run directory by its path in it.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		m[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
