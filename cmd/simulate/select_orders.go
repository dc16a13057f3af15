package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/selection"
)

// parseCandidates reads FAMILY and --orders. Every error is a wrong request.
func parseCandidates(family, orders string) ([]selection.Candidate, []string, error) {
	name, _, _ := strings.Cut(family, ":")
	keys, err := selection.OrderKeys(strings.TrimSpace(name))
	if err != nil {
		return nil, nil, bad(err)
	}
	if strings.TrimSpace(orders) == "" {
		return nil, nil, bad(errors.New("--orders is missing: want " + orderForm(keys)))
	}
	lists, err := parseOrders(orders, keys)
	if err != nil {
		return nil, nil, bad(fmt.Errorf("--orders %s: %w", orders, err), "allowed is "+orderForm(keys))
	}
	candidates, err := selection.Candidates(family, lists)
	return candidates, keys, bad(err, "simulate list models prints the families and their keys")
}

func orderForm(keys []string) string {
	if len(keys) == 1 {
		return "1..6 or 1,2,4 for " + keys[0]
	}
	return "p=0..3,q=0..2"
}

// parseOrders reads "1..6", "1,3", "k=1..4" or "p=0..3,q=0..2" into one ascending
// list for every key.
func parseOrders(text string, keys []string) ([][]int, error) {
	lists := make([][]int, len(keys))
	at := -1
	if len(keys) == 1 {
		at = 0
	}
	for part := range strings.SplitSeq(text, ",") {
		if k, rest, ok := strings.Cut(part, "="); ok {
			k = strings.TrimSpace(k)
			if at = slices.Index(keys, k); at < 0 {
				return nil, fmt.Errorf("%q is no order of the family, which has %s", k, strings.Join(keys, ", "))
			}
			part = rest
		}
		if at < 0 {
			return nil, fmt.Errorf("%q names no order", strings.TrimSpace(part))
		}
		lo, hi, err := parseRange(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		for v := lo; v <= hi; v++ {
			if slices.Contains(lists[at], v) {
				return nil, fmt.Errorf("%s=%d is there twice", keys[at], v)
			}
			lists[at] = append(lists[at], v)
		}
	}
	for i, l := range lists {
		if len(l) == 0 {
			return nil, fmt.Errorf("no values for %s", keys[i])
		}
		slices.Sort(l)
	}
	return lists, nil
}

func parseRange(s string) (lo, hi int, err error) {
	a, b, ranged := strings.Cut(s, "..")
	lo, err1 := strconv.Atoi(a)
	hi = lo
	var err2 error
	if ranged {
		hi, err2 = strconv.Atoi(b)
	}
	switch {
	case err1 != nil || err2 != nil:
		return 0, 0, fmt.Errorf("%q is neither a whole number nor a range", s)
	case lo < 0 || hi < lo:
		return 0, 0, fmt.Errorf("%q: want numbers from 0, the lower first", s)
	case hi-lo >= selection.MostCandidates:
		return 0, 0, fmt.Errorf("%q has %d values, more than %d", s, hi-lo+1, selection.MostCandidates)
	}
	return lo, hi, nil
}
