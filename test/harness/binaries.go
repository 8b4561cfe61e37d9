// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// binVariable names the directory to take the programs from, instead of bin in the repository.
const binVariable = "DROVER_BIN"

// Binary finds a program: in the directory that DROVER_BIN names, or in bin of the repository. kubectl is also looked
// for where the shell does.
func Binary(name string) (string, error) {
	dir := os.Getenv(binVariable)
	if dir == "" {
		root, err := repository()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "bin")
	}
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o111 != 0 {
		return path, nil
	}
	if name == "kubectl" {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("there is no program %s\nbuild it first: make build bin/member bin/kubectl; or name the directory it is in by the variable %s", path, binVariable)
}

const module = "module drover.dev/drover"

// repository finds the root of the repository that the working directory is in.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if isRoot(filepath.Join(dir, "go.mod")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not in Drover's repository\nname the directory of the programs by the variable " + binVariable)
		}
		dir = parent
	}
}

func isRoot(goMod string) bool {
	file, err := os.Open(goMod)
	if err != nil {
		return false
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == module {
			return true
		}
	}
	return false
}
