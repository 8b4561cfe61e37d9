// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// ErrChecksum is the error of a snapshot that was cut off or changed on the way.
var ErrChecksum = errors.New("the checksum does not match: the file was cut off or changed; write it again, or leave the checksum out")

// Load reads a snapshot from a file, as Parse does. If it does not say its time, that is when it was written.
func Load(path string) (*Snapshot, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s, err := Parse(data, info.ModTime())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Parse reads a snapshot from YAML or JSON, completes and checks it. Fields that are not known are an error.
// Written is the time of a snapshot that does not say it. The version of one that does not say it is the present time, in
// seconds: so it follows all that were read before, and a file from a backup can take the place of a newer one.
func Parse(data []byte, written time.Time) (*Snapshot, error) {
	s := &Snapshot{}
	plain := data
	if !json.Valid(data) {
		var err error
		if plain, err = yaml.YAMLToJSONStrict(data); err != nil {
			return nil, fmt.Errorf("not a snapshot: %w", err)
		}
	}
	unknown, err := kjson.UnmarshalStrict(plain, s)
	if err := errors.Join(append(unknown, err)...); err != nil {
		return nil, fmt.Errorf("not a snapshot: %w", err)
	}
	if s.Checksum != "" {
		sum, err := s.sum()
		if err != nil {
			return nil, err
		}
		if sum != s.Checksum {
			return nil, ErrChecksum
		}
	}
	if s.Version == 0 {
		s.Version = time.Now().Unix()
	}
	if s.Time.IsZero() {
		s.Time = written
	}
	s.Complete()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// Save writes a snapshot to a file, with its checksum. The file is replaced by rename: whoever reads sees the old one
// or the new one.
func Save(path string, s *Snapshot) error {
	sealed := *s
	sum, err := sealed.sum()
	if err != nil {
		return err
	}
	sealed.Checksum = sum
	data, err := json.Marshal(&sealed)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // there only if something failed
	_, err = file.Write(append(data, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// sum is the SHA-256 of the snapshot's JSON without the checksum.
func (s *Snapshot) sum() (string, error) {
	bare := *s
	bare.Checksum = ""
	data, err := json.Marshal(&bare)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
