// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// ImportOptions are the flags of import.
type ImportOptions struct {
	Streams
	Federation *FederationOptions
	// Cluster that is joined, whose objects are taken over.
	Cluster string
	// Kubeconfig and Context say where it is, with credentials of somebody who may read all of it.
	Kubeconfig, Context string
	// Namespaces that are taken over; empty is all but the cluster's own.
	Namespaces []string
	// DryRun prints the report, and changes nothing.
	DryRun bool
	// Yes does not ask.
	Yes bool
	// Timeout is how long to wait until all is taken over.
	Timeout time.Duration
}

// NewImportOptions returns the defaults.
func NewImportOptions(streams Streams, federation *FederationOptions) *ImportOptions {
	return &ImportOptions{Streams: streams, Federation: federation, Timeout: 5 * time.Minute}
}

// AddFlags adds the flags of import.
func (o *ImportOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Cluster, "cluster", o.Cluster, "The joined cluster whose objects are taken over.")
	fs.StringVar(&o.Kubeconfig, "cluster-kubeconfig", o.Kubeconfig, "Kubeconfig `file` of the cluster, of somebody who may read what is to be taken over.")
	fs.StringVar(&o.Context, "cluster-context", o.Context, "Context of the cluster in that file; by default its current-context. Without --cluster-kubeconfig, a context in the federation's kubeconfig.")
	fs.StringSliceVarP(&o.Namespaces, "namespace", "n", o.Namespaces, "Namespaces that are taken over; all but kube-* and drover-system if not given.")
	fs.BoolVar(&o.DryRun, "dry-run", o.DryRun, "Say what would be taken over, and what not and why; change nothing.")
	fs.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
	fs.DurationVar(&o.Timeout, "timeout", o.Timeout, "How long to wait until all is taken over.")
}

// Run takes over what runs in the cluster.
func (o *ImportOptions) Run(ctx context.Context) error {
	if o.Cluster == "" {
		return errors.New("say which joined cluster is taken over: kubectl drover import --cluster NAME\nkubectl get clusters shows those that are joined")
	}
	if o.Kubeconfig == "" && o.Context == "" {
		return fmt.Errorf("cluster %s is read with your rights, not with Drover's: give its kubeconfig by %s FILE, or a context by %s", o.Cluster, clusterKubeconfigFlag, clusterContextFlag)
	}
	f, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	where := kubeconfig{
		file: o.Kubeconfig, context: o.Context, fileFlag: clusterKubeconfigFlag, contextFlag: clusterContextFlag,
		needs: "import reads all of a namespace, its Secrets included: use credentials that may",
	}
	if where.file == "" {
		where.file = o.Federation.Kubeconfig
	}
	m, err := where.connectMember(o.Cluster, o.ErrOut)
	if err != nil {
		return err
	}
	i := &importing{ImportOptions: o, federation: f, member: m, progress: &progress{out: o.Out, now: time.Now}}
	if i.there, err = dynamic.NewForConfig(m.config); err != nil {
		return m.explain("connect", err)
	}
	if i.others, err = metadata.NewForConfig(m.config); err != nil {
		return m.explain("connect", err)
	}
	if i.here, err = dynamic.NewForConfig(f.config); err != nil {
		return f.explain("connect", err)
	}
	return i.run(ctx)
}

// importing is an import under way.
type importing struct {
	*ImportOptions
	*progress
	federation *federation
	member     *member
	// there is the cluster, others what of it is never taken, here the federation.
	there, here dynamic.Interface
	others      metadata.Interface
	// identity of the federation.
	identity string
	// namespaces that are looked at.
	namespaces []object
	// found is what there is in them, sorted.
	found sifted
	// missing is what of it has to be created, begun what an import before has created, foreign what the federation has
	// from somebody else.
	missing, begun, foreign []object
	// templates are those of pods, by object, as they were right before.
	templates map[string]any
	// waiting is what is not Drover's in the cluster yet, by key.
	waiting map[string]object
	// refused is what the federation has not taken and why, by key; changed is whose template is another since.
	refused map[string]string
	changed []string
}

// run reads all, then checks all, then writes. What was written before an interruption is found again.
func (i *importing) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{i.check, i.read, i.compare} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := i.report().writeTo(i.Out); err != nil {
		return err
	}
	problems, err := i.obstacles(ctx)
	switch {
	case err != nil:
		return err
	case len(problems) > 0:
		return fmt.Errorf("nothing has changed, since in the federation something is in the way:\n  %s\nchange that, or choose other namespaces by --namespace", strings.Join(problems, "\n  "))
	case len(i.missing)+len(i.begun) == 0:
		return i.release(ctx)
	case i.DryRun:
		return nil
	}
	if !i.Yes && len(i.missing) > 0 {
		if err := i.confirm(ctx, fmt.Sprintf("Take over %s of %s?", count(int64(len(i.missing)), "object"), i.Cluster)); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context) error{i.write, i.settle, i.release} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return i.conclude()
}

// check makes sure that the cluster is the one that is joined under its name, and may be used.
func (i *importing) check(ctx context.Context) error {
	if err := i.federation.check(ctx); err != nil {
		return err
	}
	cluster, err := i.federation.cluster(ctx, i.Cluster)
	if err != nil {
		return err
	}
	if cluster == nil {
		names, err := i.federation.clusterNames(ctx)
		if err != nil {
			return err
		}
		return fmt.Errorf("cluster %q is not joined\njoined are: %s; to join it: kubectl drover join %s", i.Cluster, orNone(names), i.Cluster)
	}
	if !meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady) {
		return fmt.Errorf("cluster %s is not ready, so nothing can be taken over there\nsee why: kubectl%s describe cluster %s", i.Cluster, i.federation.flags(), i.Cluster)
	}
	if n := slices.IndexFunc(cluster.Spec.Taints, func(t v1alpha1.Taint) bool { return t.Effect == v1alpha1.TaintNoExecute }); n >= 0 {
		return fmt.Errorf("cluster %s is being emptied: what is taken over would be moved away at once, for it has the taint %s\nend that first, by kubectl drover uncordon %s or by taking away the taint", i.Cluster, cluster.Spec.Taints[n].Key, i.Cluster)
	}
	if i.identity, err = i.federation.identity(ctx); err != nil {
		return err
	}
	ns, err := i.member.kube.CoreV1().Namespaces().Get(ctx, v1alpha1.SystemNamespace, metav1.GetOptions{})
	if err != nil {
		return i.member.explain("get namespace "+v1alpha1.SystemNamespace, err)
	}
	switch c := claimOf(ns); {
	case c.federation != i.identity:
		return fmt.Errorf("the cluster at %s is not joined to this federation, so it cannot be %s\n(%s)\nchoose %s by %s%s or %s",
			i.member.config.Host, i.Cluster, i.member.where(), i.Cluster, clusterContextFlag, i.member.others(), clusterKubeconfigFlag)
	case c.cluster != i.Cluster:
		return fmt.Errorf("the cluster at %s is joined as %s, not as %s\n(%s)\nsay --cluster %s, or choose %s by %s%s or %s",
			i.member.config.Host, c.cluster, i.Cluster, i.member.where(), c.cluster, i.Cluster, clusterContextFlag, i.member.others(), clusterKubeconfigFlag)
	}
	return nil
}
