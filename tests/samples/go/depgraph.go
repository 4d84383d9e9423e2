// Command depgraph reads "target: dependency dependency..." lines and prints the targets in
// an order in which each comes after everything it depends on, or the cycle that makes such
// an order impossible.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

type state int

const (
	unseen state = iota
	active
	finished
)

// Graph maps each node to the nodes it needs. It is generic so that tests can use integers.
type Graph[N comparable] struct {
	edges map[N][]N
	less  func(a, b N) bool
}

// CycleError tells the nodes of a cycle; the first is repeated at the end.
type CycleError[N comparable] struct {
	Path []N
}

func (e *CycleError[N]) Error() string {
	parts := make([]string, len(e.Path))
	for i, node := range e.Path {
		parts[i] = fmt.Sprint(node)
	}
	return "dependency cycle: " + strings.Join(parts, " -> ")
}

func NewGraph[N comparable](less func(a, b N) bool) *Graph[N] {
	return &Graph[N]{edges: make(map[N][]N), less: less}
}

func (g *Graph[N]) AddNode(node N) {
	if _, ok := g.edges[node]; !ok {
		g.edges[node] = nil
	}
}

func (g *Graph[N]) AddEdge(from, to N) {
	g.AddNode(to)
	for _, existing := range g.edges[from] {
		if existing == to {
			return
		}
	}
	g.edges[from] = append(g.edges[from], to)
}

// Sort returns the nodes in dependency order. Ties are broken by less, so the answer does
// not depend on the order in which edges were added.
func (g *Graph[N]) Sort() ([]N, error) {
	nodes := make([]N, 0, len(g.edges))
	for node := range g.edges {
		nodes = append(nodes, node)
	}
	sort.Slice(nodes, func(i, j int) bool { return g.less(nodes[i], nodes[j]) })

	states := make(map[N]state, len(nodes))
	order := make([]N, 0, len(nodes))
	var path []N

	var visit func(node N) error
	visit = func(node N) error {
		switch states[node] {
		case finished:
			return nil
		case active:
			start := 0
			for path[start] != node {
				start++
			}
			cycle := append([]N(nil), path[start:]...)
			return &CycleError[N]{Path: append(cycle, node)}
		}
		states[node] = active
		path = append(path, node)
		next := append([]N(nil), g.edges[node]...)
		sort.Slice(next, func(i, j int) bool { return g.less(next[i], next[j]) })
		for _, dependency := range next {
			if err := visit(dependency); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		states[node] = finished
		order = append(order, node)
		return nil
	}

	for _, node := range nodes {
		if err := visit(node); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// parse reads rules; a backslash at the end of a line continues it.
func parse(input io.Reader) (*Graph[string], error) {
	graph := NewGraph[string](func(a, b string) bool { return a < b })
	scanner := bufio.NewScanner(input)
	var pending strings.Builder
	for number := 1; scanner.Scan(); number++ {
		line := scanner.Text()
		if hash := strings.IndexByte(line, '#'); hash >= 0 {
			line = line[:hash]
		}
		if strings.HasSuffix(line, "\\") {
			pending.WriteString(strings.TrimSuffix(line, "\\"))
			pending.WriteByte(' ')
			continue
		}
		pending.WriteString(line)
		rule := strings.TrimSpace(pending.String())
		pending.Reset()
		if rule == "" {
			continue
		}
		targets, dependencies, ok := strings.Cut(rule, ":")
		if !ok {
			return nil, fmt.Errorf("line %d: expected \"target: dependencies\"", number)
		}
		for _, target := range strings.Fields(targets) {
			graph.AddNode(target)
			for _, dependency := range strings.Fields(dependencies) {
				graph.AddEdge(target, dependency)
			}
		}
	}
	return graph, scanner.Err()
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("depgraph", flag.ContinueOnError)
	separator := flags.String("separator", "\n", "text between two targets")
	if err := flags.Parse(args); err != nil {
		return err
	}
	input := stdin
	if path := flags.Arg(0); path != "" {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		input = file
	}
	graph, err := parse(input)
	if err != nil {
		return err
	}
	order, err := graph.Sort()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, strings.Join(order, *separator))
	return err
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "depgraph:", err)
		os.Exit(1)
	}
}
