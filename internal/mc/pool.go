package mc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Each returns a function that runs n independent tasks on up to workers
// goroutines (at least one), for the argument of type models.Each that library
// functions take. Task i of the c-th call of the returned function has the
// stream of (key, purpose, c, i): the bytes do not depend on workers, and two
// calls do not share random numbers. The error is that of the lowest index that
// failed; tasks of higher index may then not have run. A panic in a task is an
// error, see PanicError.
//
// The returned function counts its calls, so it is to be called from one
// goroutine, and not from within its own tasks.
func Each(workers int, key Key, purpose string) func(n int, task func(i int, rng *rand.Rand) error) error {
	call := uint64(0)
	return func(n int, task func(i int, rng *rand.Rand) error) error {
		c := call
		call++
		return Ordered(context.Background(), workers, n,
			func(_ context.Context, i int) (struct{}, error) {
				rng := newStream(key.state([]uint64{c, uint64(i)}, purpose))
				return struct{}{}, task(i, rng)
			},
			func(int, struct{}) error { return nil })
	}
}

// A PanicError is a panic in a task, with the stack of the goroutine.
type PanicError struct {
	Value any
	Stack []byte
}

// Error gives the panic value without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Guard calls f and returns its error, or a *PanicError if it panics.
func Guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// window is how many results may wait for an earlier one: enough for the
// workers to go on while one slow task or one file write holds up the order,
// and a bound on memory.
const window = 1024

// Ordered runs task(ctx, i) for i = 0, …, n−1 on up to workers goroutines (at
// least one) and calls emit(i, result) in the order of i from the calling
// goroutine. At most a fixed number of results are kept waiting. It returns the
// first error in that order, of a task or of emit, after all goroutines have
// ended; results before it have been emitted, none after it. The context of the
// tasks is cancelled when ctx is, or when an error has been found. Once ctx is
// cancelled no task begins, nothing more is emitted, and the error is
// context.Cause(ctx) unless one was found before. A panic in a task is an error, see PanicError.
func Ordered[R any](ctx context.Context, workers, n int, task func(ctx context.Context, i int) (R, error), emit func(i int, r R) error) error {
	type result struct {
		r   R
		err error
	}
	workers = max(1, min(workers, n))
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	run := func(i int) (out result) {
		if ctx.Err() != nil {
			return result{err: context.Cause(ctx)}
		}
		out.err = Guard(func() (err error) {
			out.r, err = task(ctx, i)
			return err
		})
		return out
	}

	// Slot i%size holds the result of task i. Index i is handed out only after
	// i−size was emitted, so no slot is ever in use twice and no send blocks.
	size := min(n, window)
	slots := make([]chan result, size)
	free := make(chan struct{}, size)
	for i := range slots {
		slots[i] = make(chan result, 1)
		free <- struct{}{}
	}
	var next atomic.Int64
	for range workers {
		wg.Go(func() {
			for {
				select {
				case <-free:
				case <-ctx.Done():
					return
				}
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				slots[i%size] <- run(i)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		wg.Wait()
		close(ended)
	}()
	defer func() {
		cancel()
		<-ended
	}()

	for i := range n {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var out result
		select {
		case out = <-slots[i%size]:
		case <-ended: // cancelled, or the last results are all there
			select {
			case out = <-slots[i%size]:
			default:
				out.err = context.Cause(ctx)
			}
		}
		if out.err != nil {
			return out.err
		}
		if err := emit(i, out.r); err != nil {
			return err
		}
		free <- struct{}{}
	}
	return nil
}
