package sim

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"

	"go.yaml.in/yaml/v3"

	"lockstep/scenarios"
)

// Regression names seeds that once showed a bug (scenarios/regression).
type Regression struct {
	Name     string   `yaml:"-"`
	Why      string   `yaml:"why"`
	Scenario string   `yaml:"scenario"`
	Seeds    []uint64 `yaml:"seeds"`
}

// Regressions reads scenarios/regression, in order of the files' names.
func Regressions() ([]Regression, error) {
	var out []Regression
	err := eachFile("regression", func(name string, data []byte) error {
		r := Regression{Name: name}
		err := decodeStrictly(data, &r)
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

// decodeStrictly refuses unknown fields, so that a typing mistake does not make
// an easier run.
func decodeStrictly(data []byte, to any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	return dec.Decode(to)
}
