package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	tags := flag.String("tags", "", "build tags, as for go build")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	found, err := check(".", *tags, patterns...)
	for _, f := range found {
		fmt.Println(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || len(found) > 0 {
		os.Exit(1)
	}
}
