package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
)

func main() {
	count := flag.Bool("count", false, "print how many violations each directory has")
	flag.Parse()
	root := "."
	switch flag.NArg() {
	case 0:
	case 1:
		root = flag.Arg(0)
	default:
		fmt.Fprintln(os.Stderr, "prose: it checks one tree, so give it one directory at most")
		os.Exit(2)
	}
	found, err := check(os.DirFS(root))
	if err != nil {
		fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(1)
	}
	if *count {
		summarize(found)
	} else {
		for _, f := range found {
			fmt.Println(f)
		}
	}
	if len(found) > 0 {
		fmt.Fprintf(os.Stderr, "prose: %d violations\n", len(found))
		os.Exit(1)
	}
}

// summarize prints the number of violations by directory.
func summarize(found []finding) {
	byDir := map[string]int{}
	for _, f := range found {
		byDir[path.Dir(f.file)]++
	}
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		fmt.Printf("%6d  %s\n", byDir[dir], dir)
	}
}
