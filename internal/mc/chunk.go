package mc

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Chunk is a range of replicates of one cell: the unit of work that is saved,
// resumed and spread over shards.
type Chunk struct {
	Cell   string
	Lo, Hi int // replicates Lo, …, Hi−1
}

// Chunks cuts replicates 0, …, replicates−1 of every cell into chunks of the
// given size, in the order of the cells. The boundaries are multiples of size
// whatever the number of replicates, so raising it only adds chunks and
// lengthens the last one of each cell. It panics if size < 1.
func Chunks(cells []string, replicates, size int) []Chunk {
	if size < 1 {
		panic("mc: chunk size below 1")
	}
	var cs []Chunk
	for _, cell := range cells {
		for lo := 0; lo < replicates; lo += size {
			cs = append(cs, Chunk{cell, lo, min(lo+size, replicates)})
		}
	}
	return cs
}

// N is the number of replicates of the chunk.
func (c Chunk) N() int { return c.Hi - c.Lo }

// Name returns the name of the chunk, as "n=100.00000200-00000300". It depends
// on nothing but the cell and the range; names of one cell sort by range.
func (c Chunk) Name() string { return fmt.Sprintf("%s.%08d-%08d", c.Cell, c.Lo, c.Hi) }

// ParseChunk inverts Name.
func ParseChunk(name string) (Chunk, error) {
	bad := func() (Chunk, error) {
		return Chunk{}, fmt.Errorf("%q is not the name of a chunk: want CELL.FROM-TO", name)
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 1 {
		return bad()
	}
	from, to, ok := strings.Cut(name[dot+1:], "-")
	lo, err1 := strconv.Atoi(from)
	hi, err2 := strconv.Atoi(to)
	c := Chunk{name[:dot], lo, hi}
	if !ok || err1 != nil || err2 != nil || lo < 0 || hi <= lo || c.Name() != name {
		return bad()
	}
	return c, nil
}

// Cover returns the fewest of the chunks that hold every replicate which any of
// them holds, and the superseded rest. Chunks of one cell that begin at the same
// replicate are the same chunk at different numbers of replicates: the longest
// holds all the others. Both are sorted by cell and range.
func Cover(cs []Chunk) (cover, superseded []Chunk) {
	cs = slices.Clone(cs)
	slices.SortFunc(cs, func(a, b Chunk) int {
		return cmp.Or(strings.Compare(a.Cell, b.Cell), cmp.Compare(a.Lo, b.Lo), cmp.Compare(b.Hi, a.Hi))
	})
	for _, c := range cs {
		if k := len(cover) - 1; k >= 0 && cover[k].Cell == c.Cell && c.Hi <= cover[k].Hi {
			superseded = append(superseded, c)
			continue
		}
		cover = append(cover, c)
	}
	return cover, superseded
}

// A Shard is part Index of Count of a run. Its zero value is the whole run.
type Shard struct{ Index, Count int }

// ParseShard reads "i/n" with 0 ≤ i < n.
func ParseShard(s string) (Shard, error) {
	i, n, ok := strings.Cut(s, "/")
	index, err1 := strconv.Atoi(i)
	count, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || index < 0 || index >= count {
		return Shard{}, fmt.Errorf("shard %q: want i/n with 0 <= i < n, as 0/3", s)
	}
	return Shard{index, count}, nil
}

// Has reports whether the shard has chunk number i of the run.
func (s Shard) Has(i int) bool { return s.Count <= 1 || i%s.Count == s.Index }

// String returns "i/n", or "" for the whole run.
func (s Shard) String() string {
	if s.Count <= 1 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}
