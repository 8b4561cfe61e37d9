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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// JoinOptions are the flags of join.
type JoinOptions struct {
	Streams
	Federation *FederationOptions
	// Name of the Cluster to be.
	Name string
	// Kubeconfig and Context say where the cluster is that joins, with credentials of its administrator.
	Kubeconfig string
	Context    string
	// Server is the URL the federation reaches the cluster by, if it is not that in the kubeconfig.
	Server   string
	Location v1alpha1.Location
	Labels   map[string]string
	// Renew takes a cluster that is joined, and gives it new credentials.
	Renew bool
	// Wait is how long to wait until the cluster is ready; 0 is not at all.
	Wait time.Duration
}

// NewJoinOptions returns the defaults.
func NewJoinOptions(streams Streams, federation *FederationOptions) *JoinOptions {
	return &JoinOptions{Streams: streams, Federation: federation, Wait: time.Minute}
}

const (
	clusterKubeconfigFlag = "--cluster-kubeconfig"
	clusterContextFlag    = "--cluster-context"
)

// AddFlags adds the flags of join.
func (o *JoinOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "cluster-kubeconfig", o.Kubeconfig, "Kubeconfig `file` of the cluster that joins, with the rights of cluster-admin there.")
	fs.StringVar(&o.Context, "cluster-context", o.Context, "Context of the cluster in that file; by default its current-context. Without --cluster-kubeconfig, a context in the federation's kubeconfig.")
	fs.StringVar(&o.Server, "server", o.Server, "`URL` by which Drover reaches the cluster's API server, if it differs from the one in the kubeconfig.")
	fs.StringVar(&o.Location.Continent, "continent", "", "Continent the cluster is on, e.g. north-america.")
	fs.StringVar(&o.Location.Region, "region", "", "Region the cluster is in, e.g. us-east1; by default read from its nodes.")
	fs.StringVar(&o.Location.Zone, "zone", "", "Zone the cluster is in, e.g. us-east1-b; by default read from its nodes.")
	fs.StringVar(&o.Location.Latitude, "latitude", "", "Latitude in decimal degrees, north positive, e.g. 33.8.")
	fs.StringVar(&o.Location.Longitude, "longitude", "", "Longitude in decimal degrees, east positive, e.g. -84.4.")
	fs.StringToStringVar(&o.Labels, "labels", nil, "Labels for the Cluster, `k=v,…`, which policies select by, e.g. env=prod,tier=gold.")
	fs.Lookup("labels").DefValue = "" // not the "[]" of an empty map
	fs.BoolVar(&o.Renew, "renew", o.Renew, "The cluster is joined already: give it new credentials, and what other flags say.")
	fs.DurationVar(&o.Wait, "wait", o.Wait, "How long to wait until the cluster is ready; 0 does not wait.")
}

// Run joins the cluster.
func (o *JoinOptions) Run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	where := kubeconfig{file: o.Kubeconfig, context: o.Context, fileFlag: clusterKubeconfigFlag, contextFlag: clusterContextFlag, needs: needsMember}
	if where.file == "" {
		where.file = o.Federation.Kubeconfig
	}
	member, err := where.connectMember(o.Name, o.ErrOut)
	if err != nil {
		return err
	}
	j := &join{
		JoinOptions: o, federation: federation, member: member, progress: &progress{out: o.Out, now: time.Now},
		poll: 300 * time.Millisecond, patience: callTimeout,
	}
	return j.run(ctx)
}

func (o *JoinOptions) validate() error {
	if err := validateName(o.Name); err != nil {
		return err
	}
	if o.Kubeconfig == "" && o.Context == "" {
		return fmt.Errorf("which cluster is to be %s?\ngive its kubeconfig by %s FILE, and the context in it by %s", o.Name, clusterKubeconfigFlag, clusterContextFlag)
	}
	if o.Wait < 0 {
		return errors.New("--wait must not be negative")
	}
	return nil
}

func validateName(name string) error {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return fmt.Errorf("%q cannot be the name of a cluster, since names become part of DNS names\n"+
			"use at most %d lower-case letters, digits and -, with no - at the ends, e.g. east-1", name, validation.DNS1123LabelMaxLength)
	}
	return nil
}

// join is a join under way.
type join struct {
	*JoinOptions
	*progress
	federation *federation
	member     *member
	// poll is the time between two looks at something waited for, patience how long to wait for the member.
	poll, patience time.Duration

	identity string            // of the federation
	previous *v1alpha1.Cluster // if it is joined already
	names    []string          // of all clusters

	namespace *corev1.Namespace // of Drover in the member
	token     string
	expires   time.Time
}

// run does the steps in an order that makes it safe to be interrupted anywhere: everything is checked before anything is
// changed, each step can be done again, and the Cluster, by which Drover gets to know of it all, comes last.
func (j *join) run(ctx context.Context) error {
	j.line("Joining %s (%s) to the federation at %s", j.Name, j.server(), j.federation.config.Host)
	if j.member.proxyURL != "" && j.Server == "" {
		j.line("  note: the kubeconfig goes by the proxy %s; Drover itself will go to %s directly", j.member.proxyURL, j.server())
	}
	for _, step := range []func(context.Context) (string, error){
		j.lookAtFederation, j.lookAtMember, j.claimMember, j.makeAccount, j.makeToken, j.enroll,
	} {
		if err := j.step(func() (string, error) { return step(ctx) }); err != nil {
			return err
		}
	}
	if j.Wait > 0 {
		if err := j.waitReady(ctx); err != nil {
			return err
		}
	}
	j.line("%s has joined. Try next:\n  kubectl%s get clusters", j.Name, j.federation.flags())
	return nil
}

// server is the URL that Drover reaches the member by.
func (j *join) server() string {
	if j.Server != "" {
		return strings.TrimRight(j.Server, "/")
	}
	return strings.TrimRight(j.member.config.Host, "/")
}

func (j *join) lookAtFederation(ctx context.Context) (string, error) {
	if err := j.federation.check(ctx); err != nil {
		return "", err
	}
	var err error
	if j.identity, err = j.federation.identity(ctx); err != nil {
		return "", err
	}
	if j.names, err = j.federation.clusterNames(ctx); err != nil {
		return "", err
	}
	if j.previous, err = j.federation.cluster(ctx, j.Name); err != nil {
		return "", err
	}
	if err := j.mayJoin(); err != nil {
		return "", err
	}
	if err := j.checkSecret(ctx); err != nil {
		return "", err
	}
	if j.previous == nil { // does the federation take such a Cluster?
		_, err = j.federation.drover.FederationV1alpha1().Clusters().Create(ctx, j.newCluster(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	}
	return "the federation answers", j.federation.explain("create cluster "+j.Name, err)
}

// mayJoin refuses a name that is taken.
func (j *join) mayJoin() error {
	switch c := j.previous; {
	case c == nil:
		return nil
	case c.DeletionTimestamp != nil:
		return fmt.Errorf("cluster %s is leaving the federation\nto wait for that: kubectl drover unjoin %s%s", j.Name, j.Name, j.federation.flags())
	case j.Renew:
		return nil
	case c.Spec.Server == j.server():
		return fmt.Errorf("cluster %s is already joined (%s)\nto give it new credentials, add --renew", j.Name, c.Spec.Server)
	default:
		return fmt.Errorf("cluster %s is already joined, with another server: %s, not %s\n"+
			"choose another name for another cluster; if it is the same cluster at a new address, add --renew", j.Name, c.Spec.Server, j.server())
	}
}

func (j *join) lookAtMember(ctx context.Context) (string, error) {
	version, err := j.member.check(ctx)
	if err != nil {
		return "", err
	}
	return "the cluster answers: Kubernetes " + version, j.member.mine(ctx)
}

func (j *join) claimMember(ctx context.Context) (string, error) {
	c := claim{federation: j.identity, server: j.federation.config.Host, cluster: j.Name}
	joined := func(name string) bool { return slices.Contains(j.names, name) }
	namespace, before, err := j.member.claim(ctx, c, joined, j.poll, 6*j.patience, j.progress)
	j.namespace = namespace
	if err == nil && before != "" {
		err = j.federation.forget(ctx, before)
	}
	return "namespace " + v1alpha1.SystemNamespace + " is there", err
}

func (j *join) makeAccount(ctx context.Context) (string, error) {
	return "ServiceAccount, roles and bindings are there", j.member.account(ctx, j.namespace)
}

func (j *join) makeToken(ctx context.Context) (_ string, err error) {
	if j.token, j.expires, err = j.member.token(ctx); err != nil {
		return "", err
	}
	return "a token works, until " + j.expires.Local().Format("2 Jan 2006 15:04"), j.member.verify(ctx, j.token, j.poll, j.patience)
}
