// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metatable "k8s.io/apimachinery/pkg/api/meta/table"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

// PlacementLookup finds a Placement by namespace and name; nil if there is none.
type PlacementLookup func(ctx context.Context, namespace, name string) *v1alpha1.Placement

// tableConvertor prints a kind's columns.
type tableConvertor struct {
	kind       kind.Kind
	placements PlacementLookup
}

func (t *tableConvertor) ConvertToTable(ctx context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	table := &metav1.Table{}
	switch list, err := meta.ListAccessor(obj); err {
	case nil:
		table.ResourceVersion = list.GetResourceVersion()
		table.Continue = list.GetContinue()
		table.RemainingItemCount = list.GetRemainingItemCount()
	default:
		if m, err := meta.CommonAccessor(obj); err == nil {
			table.ResourceVersion = m.GetResourceVersion()
		}
	}
	var err error
	table.Rows, err = metatable.MetaToTableRow(obj, func(obj runtime.Object, m metav1.Object, name, age string) ([]any, error) {
		return t.cells(ctx, obj, m, name, age), nil
	})
	if opts, ok := options.(*metav1.TableOptions); err == nil && (!ok || !opts.NoHeaders) {
		table.ColumnDefinitions = t.headers()
	}
	return table, err
}

func (t *tableConvertor) headers() []metav1.TableColumnDefinition {
	docs := metav1.ObjectMeta{}.SwaggerDoc()
	var out []metav1.TableColumnDefinition
	if !t.kind.BareColumns {
		out = append(out, metav1.TableColumnDefinition{Name: "Name", Type: "string", Format: "name", Description: docs["name"]})
	}
	var wide []metav1.TableColumnDefinition
	for _, c := range t.kind.Columns {
		definition := metav1.TableColumnDefinition{Name: c.Name, Type: c.Type, Format: c.Format, Description: c.Description}
		if c.Wide {
			definition.Priority = 1
		}
		if c.Wide && !t.kind.BareColumns {
			wide = append(wide, definition)
			continue
		}
		out = append(out, definition)
	}
	if !t.kind.BareColumns {
		last := metav1.TableColumnDefinition{Name: "Age", Type: "string", Description: docs["creationTimestamp"]}
		if t.kind.CreatedAt {
			last.Name, last.Type = "Created At", "date"
		}
		out = append(out, last)
	}
	return append(out, wide...)
}

func (t *tableConvertor) cells(ctx context.Context, obj runtime.Object, m metav1.Object, name, age string) []any {
	if t.kind.Title != nil {
		name = t.kind.Title(obj)
	}
	if t.kind.CreatedAt {
		age = m.GetCreationTimestamp().UTC().Format(time.RFC3339)
	}
	var out []any
	if !t.kind.BareColumns {
		out = append(out, name)
	}
	var wide []any
	for _, c := range t.kind.Columns {
		var value any
		if c.Clusters {
			value = t.clusters(ctx, obj, m)
		} else {
			value = c.Value(obj)
		}
		if c.Wide && !t.kind.BareColumns {
			wide = append(wide, value)
			continue
		}
		out = append(out, value)
	}
	if !t.kind.BareColumns {
		out = append(out, age)
	}
	return append(out, wide...)
}

func (t *tableConvertor) clusters(ctx context.Context, obj runtime.Object, m metav1.Object) string {
	if t.kind.IsUnplaced(obj) {
		return "<none>"
	}
	if t.placements != nil {
		if p := t.placements(ctx, m.GetNamespace(), v1alpha1.PlacementName(t.kind.Kind, m.GetName())); p != nil {
			return federation.FormatClusters(p)
		}
	}
	return "<pending>"
}
