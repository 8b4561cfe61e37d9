// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package reload reads files again when they have changed. A file that cannot be used changes nothing: what was read
// before stays, and the log says so.
package reload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/klog/v2"
)

// Interval is the time between two looks at a file.
const Interval = 2 * time.Second

// Watcher reads a file, or the files of a directory, when they have changed. It looks at content, not at dates: files
// that Kubernetes mounts are replaced by way of links.
type Watcher struct {
	what  string
	paths []string
	load  func() error
	last  [sha256.Size]byte
	// seen are the files as they were when they were read, and read is when that was.
	seen []os.FileInfo
	read time.Time
}

// File returns a watcher of a file whose content is handed to load. What names it in messages, e.g. "snapshot".
func File(what, path string, load func(data []byte) error) *Watcher {
	return &Watcher{what: what, paths: []string{path}, load: func() error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := load(data); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}}
}

// Paths returns a watcher of files or directories that load reads itself. What belongs together is loaded together, when
// any of it has changed.
func Paths(what string, load func() error, paths ...string) *Watcher {
	return &Watcher{what: what, paths: paths, load: load}
}

// Load reads for the first time. An error names the file.
func (w *Watcher) Load() error {
	_, err := w.check()
	return err
}

// Run looks again and again until the context ends. It reports each time that there was something new, with the error
// if it cannot be used.
func (w *Watcher) Run(ctx context.Context, report func(what string, err error)) {
	logger := klog.FromContext(ctx).WithValues("what", w.what, "paths", w.paths)
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := w.check()
		if !changed {
			continue
		}
		if err != nil {
			logger.Error(err, "A file that has changed cannot be used; what was read before stays")
		} else {
			logger.Info("A file was read again")
		}
		report(w.what, err)
	}
}

// check reads if there is something new, and reports whether there was. An error stays until the file changes again,
// and is said once.
func (w *Watcher) check() (changed bool, err error) {
	if w.untouched() {
		return false, nil
	}
	sum, err := digest(w.paths)
	if err == nil && sum == w.last {
		return false, nil
	}
	if err != nil {
		changed, w.last = w.last != [sha256.Size]byte{}, [sha256.Size]byte{}
		return changed, fmt.Errorf("%s: %w", w.what, err)
	}
	w.last = sum
	if err := w.load(); err != nil {
		return true, fmt.Errorf("%s: %w", w.what, err)
	}
	return true, nil
}

// untouched reports whether there is nothing to read: the files are the same, and none was written to since, nor so
// shortly before they were read that its date could not tell. It takes the files down for the next time.
func (w *Watcher) untouched() bool {
	before, read := w.seen, w.read
	w.seen, w.read = stat(w.paths), time.Now()
	if before == nil || len(before) != len(w.seen) {
		return false
	}
	for i, info := range w.seen {
		old := before[i]
		if !os.SameFile(old, info) || old.Size() != info.Size() || !old.ModTime().Equal(info.ModTime()) || read.Sub(info.ModTime()) < Interval {
			return false
		}
	}
	return true
}

// stat describes the files of paths; nil if one of them cannot be described.
func stat(paths []string) []os.FileInfo {
	out := []os.FileInfo{}
	for _, path := range paths {
		files, err := filesOf(path)
		if err != nil {
			return nil
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				return nil
			}
			out = append(out, info)
		}
	}
	return out
}

// digest is that of the content of files, and of the files in directories.
func digest(paths []string) (sum [sha256.Size]byte, err error) {
	var all bytes.Buffer
	for _, path := range paths {
		files, err := filesOf(path)
		if err != nil {
			return sum, err
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return sum, err
			}
			one := sha256.Sum256(data)
			all.WriteString(file)
			all.Write(one[:])
		}
	}
	return sha256.Sum256(all.Bytes()), nil
}

// filesOf is the file of that path, or the files in the directory, without those in directories below it.
func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		file := filepath.Join(path, entry.Name())
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			files = append(files, file)
		}
	}
	return files, nil
}
