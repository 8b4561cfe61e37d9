// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package reload

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsReadWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var loaded []string
	w := File("thing", path, func(data []byte) error {
		if strings.HasPrefix(string(data), "bad") {
			return errors.New("it is bad")
		}
		loaded = append(loaded, string(data))
		return nil
	})
	if err := w.Load(); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "thing: ") {
		t.Errorf("no file: %v", err)
	}
	for _, step := range []struct {
		text    string
		changed bool
		fails   bool
	}{
		{"one", true, false},
		{"one", false, false},
		{"two", true, false},
		{"bad", true, true},
		{"bad", false, false}, // it was said
		{"bad again", true, true},
		{"two", true, false},
	} {
		write(t, path, step.text)
		if changed, err := w.check(); changed != step.changed || (err != nil) != step.fails {
			t.Errorf("%s: changed %v, error %v", step.text, changed, err)
		}
	}
	if got := strings.Join(loaded, ","); got != "one,two,two" {
		t.Errorf("loaded %s", got)
	}
	remove(t, path)
	if changed, err := w.check(); !changed || err == nil {
		t.Errorf("a file that is gone: changed %v, error %v", changed, err)
	}
	if changed, err := w.check(); changed || err == nil {
		t.Errorf("and stays gone: changed %v, error %v", changed, err)
	}
	write(t, path, "two")
	if changed, err := w.check(); !changed || err != nil {
		t.Errorf("and comes back: changed %v, error %v", changed, err)
	}
}

// Kubernetes mounts a ConfigMap as links into a folder that is itself a link.
func TestFileBehindLinks(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"v1", "v2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "file"), version)
	}
	link := func(target, name string) {
		t.Helper()
		if err := errors.Join(os.Symlink(target, filepath.Join(dir, "new")), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "data")
	link("data/file", "file")
	var got string
	w := File("thing", filepath.Join(dir, "file"), func(data []byte) error { got = string(data); return nil })
	if err := w.Load(); err != nil || got != "v1" {
		t.Fatalf("got %q, %v", got, err)
	}
	link("v2", "data")
	if changed, err := w.check(); !changed || err != nil || got != "v2" {
		t.Errorf("changed %v, %q, %v", changed, got, err)
	}
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "1")
	w := Paths("things", func() error { return nil }, dir)
	if err := w.Load(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){ // in any order
		"a file more":         func() { write(t, filepath.Join(dir, "b"), "1") },
		"a file that changed": func() { write(t, filepath.Join(dir, "a"), "2") },
		"a file less":         func() { remove(t, filepath.Join(dir, "a")) },
	} {
		change()
		if changed, err := w.check(); !changed || err != nil {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
	}
	if changed, err := w.check(); changed || err != nil {
		t.Errorf("nothing: changed %v, %v", changed, err)
	}
}
