// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"drover.dev/drover/test/harness"
)

// spoken is a command of a guide, and what the guide says that it prints.
type spoken struct{ command, answer string }

// readGuide finds the commands of a page: what stands after a $ in a block, with a here-document if there is one.
func readGuide(t *testing.T, page string) (out []spoken) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	block, session, document := false, false, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if language, fence := strings.CutPrefix(strings.TrimSpace(line), "```"); fence {
			block = !block
			session = block && language == ""
			continue
		}
		line = strings.TrimPrefix(line, "   ") // in a list
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case !session:
		case isCommand:
			out, document = append(out, spoken{command: command}), strings.HasSuffix(command, "<<END")
		case len(out) == 0:
			t.Fatalf("%s: a block begins with %q", page, line)
		case document:
			out[len(out)-1].command += "\n" + line
			document = line != "END"
		default:
			out[len(out)-1].answer += line + "\n"
		}
	}
	return out
}

var (
	blanks  = regexp.MustCompile(` +`)
	ages    = regexp.MustCompile(`\b\d+(s|m\d+s|m)\b`)
	moments = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
)

// steady is what of an answer is the same each time.
func steady(answer string) string {
	answer = moments.ReplaceAllString(ages.ReplaceAllString(answer, "AGE"), "TIME")
	return blanks.ReplaceAllString(strings.TrimSpace(answer), " ")
}

// follow types the commands of a guide in a directory, and wants the answers that stand there. What only shows something is
// typed again until it shows that. Instead of a command another may be typed that has the same answer, or, if that is empty,
// none.
func follow(t *testing.T, page, dir, kubeconfig string, instead func(command string) string) {
	t.Helper()
	plugin, err := harness.Binary("kubectl-drover")
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+filepath.Dir(plugin)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, s := range readGuide(t, page) {
		command := instead(s.command)
		if command == "" {
			continue
		}
		say := func() error {
			cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
			cmd.Dir, cmd.Env = dir, env
			answer, err := cmd.CombinedOutput()
			if got, want := steady(string(answer)), steady(s.answer); got != want {
				return fmt.Errorf("%s\ngot (%w)\n%s\nwant\n%s", s.command, err, got, want)
			}
			return nil
		}
		if strings.HasPrefix(s.command, "kubectl get") {
			harness.Eventually(t, patience, say)
		} else if err := say(); err != nil {
			t.Fatal(err)
		}
	}
}

// linked is a directory that has another one in it by some name.
func linked(t *testing.T, name, target string) string {
	t.Helper()
	dir := t.TempDir()
	target, err := filepath.Abs(target)
	if err == nil {
		err = os.Symlink(target, filepath.Join(dir, name))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The guide to giving access says what happens: to a person with a certificate, to who gives rights, to a program with a token.
func TestAccessGuide(t *testing.T) {
	t.Parallel()
	f, err := lab.StartFederation(t.Context(), "guide")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Kill)
	harness.ReportOnFailure(t, f.Process)
	follow(t, "../../docs/tasks/give-access.md", linked(t, "drover-data", f.DataDir), f.Kubeconfig, func(command string) string {
		switch name, _, _ := strings.Cut(command, " "); name {
		case "kubectl":
			return command
		default: // what files look like, and servers of their own with another configuration
			return ""
		}
	})
}
