package scenario

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"

	"go.yaml.in/yaml/v3"

	"example.com/lockstep/scenarios"
	"example.com/lockstep/sim/plan"
)

// Regression names seeds that once showed a bug, or holds a shrunk plan that did. It is a
// file in scenarios/regression.
type Regression struct {
	Name     string
	Why      string
	Scenario string // of the seeds
	Seeds    []uint64
	Plan     *plan.Plan // nil if there are Seeds instead
}

// loadRegression reads a file with seeds, or a [Reproduction].
func loadRegression(data []byte) (Regression, error) {
	var top struct {
		Plan yaml.Node `yaml:"plan"`
	}
	if err := yaml.Unmarshal(data, &top); err != nil {
		return Regression{}, err
	}
	if !top.Plan.IsZero() {
		r, err := LoadReproduction(data)
		if err != nil {
			return Regression{}, err
		}
		return Regression{Why: r.Why, Plan: r.Plan}, nil
	}
	var seeds struct {
		Why      string   `yaml:"why"`
		Scenario string   `yaml:"scenario"`
		Seeds    []uint64 `yaml:"seeds"`
	}
	err := decodeStrictly(data, &seeds)
	return Regression{Why: seeds.Why, Scenario: seeds.Scenario, Seeds: seeds.Seeds}, err
}

// Regressions reads scenarios/regression in the order of the file names.
func Regressions() ([]Regression, error) {
	var out []Regression
	err := eachFile("regression", func(name string, data []byte) error {
		r, err := loadRegression(data)
		r.Name = name
		out = append(out, r)
		return err
	})
	return out, err
}

func eachFile(dir string, take func(name string, data []byte) error) error {
	files, err := fs.Glob(scenarios.Files, dir+"/*.yaml")
	if err != nil {
		return fmt.Errorf("scenarios: %w", err)
	}
	for _, file := range files {
		data, err := scenarios.Files.ReadFile(file)
		if err == nil {
			name := path.Base(file)
			err = take(name[:len(name)-len(".yaml")], data)
		}
		if err != nil {
			return fmt.Errorf("scenarios: %s: %w", file, err)
		}
	}
	return nil
}

// decodeStrictly refuses unknown fields: a typing mistake would otherwise make an easier
// run.
func decodeStrictly(data []byte, to any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	return dec.Decode(to)
}
