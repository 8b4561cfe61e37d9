// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import "strings"

const (
	maxName   = 255 // octets, RFC 1035, section 2.3.4
	maxLabels = 127
	maxLabel  = 63
)

// Name is a domain name in wire format, in lower case. The zero Name is not valid.
type Name struct {
	octets  [maxName]byte
	length  int
	offsets [maxLabels]uint8 // of labels, the root not among them
	labels  int
}

// read reads a name that is not compressed from the start of data, and returns its length; 0 if there is none.
func (n *Name) read(data []byte) int {
	n.labels, n.length = 0, 0
	for at := 0; at < len(data); {
		size := int(data[at])
		end := at + 1 + size
		switch {
		case size == 0:
			n.octets[at] = 0
			n.length = at + 1
			return n.length
		case size > maxLabel, end >= len(data), end >= maxName:
			return 0
		}
		n.offsets[n.labels] = uint8(at)
		n.labels++
		n.octets[at] = data[at]
		for i := at + 1; i < end; i++ {
			n.octets[i] = lower(data[i])
		}
		at = end
	}
	return 0
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Labels is the number of labels, the root not counted.
func (n *Name) Labels() int { return n.labels }

// Label returns the i-th label from the left.
func (n *Name) Label(i int) []byte {
	at := int(n.offsets[i])
	return n.octets[at+1 : at+1+int(n.octets[at])]
}

// Part returns the labels from the i-th to the one before the j-th, at least one, in wire format.
func (n *Name) Part(i, j int) []byte {
	last := int(n.offsets[j-1])
	return n.octets[n.offsets[i] : last+1+int(n.octets[last])]
}

// Suffix returns the name without its first i labels, in wire format.
func (n *Name) Suffix(i int) []byte {
	if i == n.labels {
		return n.octets[n.length-1 : n.length]
	}
	return n.octets[n.offsets[i]:n.length]
}

// Wire returns the name in wire format.
func (n *Name) Wire() []byte { return n.octets[:n.length] }

// Parse sets the name to one in text, of labels without escapes. It reports whether that is a name.
func (n *Name) Parse(text string) bool {
	wire, ok := Pack(text)
	return ok && n.read([]byte(wire)) == len(wire)
}

// Pack returns the wire format, in lower case, of a name of labels without escapes, with or without the dot at the end.
// It reports whether that is a name.
func Pack(text string) (wire string, ok bool) {
	text = strings.ToLower(strings.TrimSuffix(text, "."))
	var b strings.Builder
	if text != "" {
		for label := range strings.SplitSeq(text, ".") {
			if label == "" || len(label) > maxLabel {
				return "", false
			}
			b.WriteByte(byte(len(label)))
			b.WriteString(label)
		}
	}
	b.WriteByte(0)
	return b.String(), b.Len() <= maxName
}
