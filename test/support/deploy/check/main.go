// Reads files as the tools that they are for read them. `compose FILE...`: loads each as `docker compose config` does, schema and references included, and prints the
// project as JSON, a line each. `dockerfile FILE...`: parses each as the builder does, and prints its stages as JSON, a line each.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func compose(path string) (any, error) {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithOsEnv, cli.WithResolvedPaths(false))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}

func dockerfile(path string) (any, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, err
	}
	type stage struct {
		Name     string   `json:"name"`
		Base     string   `json:"base"`
		Commands []string `json:"commands"`
	}
	told := []stage{}
	for _, one := range stages {
		commands := []string{}
		for _, command := range one.Commands {
			commands = append(commands, fmt.Sprint(command))
		}
		told = append(told, stage{one.Name, one.BaseName, commands})
	}
	return told, nil
}

func main() {
	kinds := map[string]func(string) (any, error){"compose": compose, "dockerfile": dockerfile}
	if len(os.Args) < 3 || kinds[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: deploy-check compose|dockerfile FILE...")
		os.Exit(2)
	}
	for _, path := range os.Args[2:] {
		told, err := kinds[os.Args[1]](path)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(told)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}
