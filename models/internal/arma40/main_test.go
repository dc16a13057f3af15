package main

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

// The committed file is what the generator writes, so that neither can change
// alone; generate itself fails where its two algorithms differ.
func TestCommittedCases(t *testing.T) {
	b, err := os.ReadFile("../../testdata/arma40/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var got []reference
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if want[i].MA == nil && len(got[i].MA) == 0 {
			got[i].MA = nil
		}
		if want[i].AR == nil && len(got[i].AR) == 0 {
			got[i].AR = nil
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s differs from the committed file", want[i].Name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d cases in the file, want %d", len(got), len(want))
	}
}
