// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	codec "github.com/miekg/dns"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

const zoneName = "drover.test."

// resolver asks a name server of the federation about the services of a space.
type resolver struct {
	*space
	*harness.NameServer
	addresses map[string]string // of the Service or Ingress web in each cluster
}

// resolve runs web in all clusters, with a name server that follows the federation.
func (s *space) resolve(replicas map[string]int32) *resolver {
	s.Helper()
	var sum int32
	for _, n := range replicas {
		sum += n
	}
	return s.resolveDeployment(deployment("web", sum), replicas)
}

// resolveDeployment is resolve for a Deployment web of the caller's.
func (s *space) resolveDeployment(web *appsv1.Deployment, replicas map[string]int32) *resolver {
	s.Helper()
	if _, err := s.Kube.AppsV1().Deployments(s.name).Create(s.Context(), web, createOptions); err != nil {
		s.Fatal(err)
	}
	s.expose("web")
	server, err := lab.StartDNS(s.Context(), s.name, &s.Federation.Server)
	if err != nil {
		s.Fatal(err)
	}
	r := &resolver{space: s, NameServer: server}
	s.Cleanup(func() { r.NameServer.Kill() })
	harness.ReportOnFailure(s.T, server.Process)
	s.eventuallyRuns("web", replicas)
	harness.Eventually(s, patience, func() error { return r.readAddresses("Service", len(replicas)) })
	return r
}

// readAddresses reads the address of web in each cluster, once there are so many.
func (r *resolver) readAddresses(kind string, clusters int) error {
	p, err := r.Drover.FederationV1alpha1().Placements(r.space.name).Get(r.Context(), v1alpha1.PlacementName(kind, "web"), getOptions)
	if err != nil {
		return err
	}
	r.addresses = map[string]string{}
	for _, c := range p.Status.Clusters {
		if len(c.Addresses) == 1 && (kind != "Service" || c.ReadyEndpoints > 0) {
			r.addresses[c.Name] = c.Addresses[0].IP
		}
	}
	if len(r.addresses) != clusters {
		return fmt.Errorf("web serves at %v, want %d clusters", r.addresses, clusters)
	}
	return nil
}

// nameOf is a name of web: that of all clusters, or of a part of them.
func (r *resolver) nameOf(scope string) string {
	name := "web." + r.space.name + ".federation.svc."
	if scope != "" {
		name += scope + "."
	}
	return name + zoneName
}

// exchange asks for addresses on behalf of a client in a network of its own.
func (r *resolver) exchange(name string, client int) (*codec.Msg, error) {
	query := new(codec.Msg).SetQuestion(name, codec.TypeA)
	query.SetEdns0(1232, false)
	query.IsEdns0().Option = append(query.IsEdns0().Option, &codec.EDNS0_SUBNET{
		Code: codec.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: []byte{10, byte(client >> 8), byte(client), 0},
	})
	reply, _, err := (&codec.Client{Timeout: 5 * time.Second}).ExchangeContext(r.Context(), query, r.Address)
	if err != nil {
		return nil, err
	}
	if reply.Rcode != codec.RcodeSuccess {
		return nil, fmt.Errorf("%s: %s", name, codec.RcodeToString[reply.Rcode])
	}
	return reply, nil
}

// ask says which cluster a client is answered; empty if none.
func (r *resolver) ask(name string, client int) (cluster string, err error) {
	reply, err := r.exchange(name, client)
	if err != nil {
		return "", err
	}
	for _, rr := range reply.Answer {
		a, ok := rr.(*codec.A)
		if !ok {
			continue
		}
		for cluster, address := range r.addresses {
			if a.A.String() == address {
				return cluster, nil
			}
		}
		return "", fmt.Errorf("%s: answered %s, which is none of %v", name, a.A, r.addresses)
	}
	return "", nil
}

// answers counts the clients in so many networks that each cluster is answered.
func (r *resolver) answers(name string, clients int) (map[string]int, error) {
	out := map[string]int{}
	for client := range clients {
		cluster, err := r.ask(name, client)
		if err != nil {
			return nil, err
		}
		out[cluster]++
	}
	return out, nil
}

// eventuallyAnswers waits until clients are answered these clusters and no others, and says how long it took.
func (r *resolver) eventuallyAnswers(name string, want ...string) time.Duration {
	r.Helper()
	slices.Sort(want)
	return harness.Eventually(r.T, patience, func() error {
		got, err := r.answers(name, 64)
		if err != nil {
			return err
		}
		if clusters := slices.Sorted(maps.Keys(got)); !slices.Equal(clusters, want) {
			return fmt.Errorf("%s is answered by %v, want %v", name, clusters, want)
		}
		return nil
	})
}

// A Service is answered with the addresses that it has in its clusters, by the names of all, of regions, zones and clusters.
func TestDNSFollowsTheFederation(t *testing.T) {
	s := sharedSpace(t)
	r := s.resolve(map[string]int32{"east": 2, "west": 2, "eu": 2})
	took := r.eventuallyAnswers(r.nameOf(""), "east", "west", "eu")
	t.Logf("answered by all clusters %.2fs after they were reported", took.Seconds())
	for scope, cluster := range map[string]string{
		"east.cluster": "east", "west.cluster": "west", "eu.cluster": "eu",
		"us-east1": "east", "us-west1": "west", "us-east1-b.us-east1": "east", "europe-west3-c.europe-west3": "eu",
	} {
		r.eventuallyAnswers(r.nameOf(scope), cluster)
	}

	out, err := s.Plugin().Run(t.Context(), "dns", "web", "-n", s.name, "--from", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := r.ask(r.nameOf(""), 0)
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "A: "+cluster+", "+r.addresses[cluster], "client 10.0.0.0/24")
	if out, err = s.Plugin().Run(t.Context(), "dns", "export", "-o", "zone"); err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, strings.ToLower(r.nameOf("east.cluster"))+"\t20\tIN\tA\t"+r.addresses["east"])

	if err := s.Kube.CoreV1().Services(s.name).Delete(t.Context(), "web", deleteOptions); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		if _, err := r.ask(r.nameOf(""), 0); err == nil || !strings.HasSuffix(err.Error(), "NXDOMAIN") {
			return fmt.Errorf("a Service that is gone is answered: %w", err)
		}
		return nil
	})
}

// A host of an Ingress is answered with the addresses of the Ingress, where the pods behind it are ready.
func TestDNSOfAnIngress(t *testing.T) {
	s := sharedSpace(t)
	r := s.resolve(map[string]int32{"east": 1, "west": 1, "eu": 1})
	host := s.name + "." + zoneName
	s.apply(fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: %s, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 8080}}}}]}}]}
`, strings.TrimSuffix(host, ".")))
	harness.Eventually(t, patience, func() error { return r.readAddresses("Ingress", 3) })
	r.eventuallyAnswers(host, "east", "west", "eu")
	s.setReady("west", "False")
	r.eventuallyAnswers(host, "east", "eu")
	s.apply(`
apiVersion: federation.drover.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: hosts}
spec: {target: {kind: Ingress, name: web}, clusters: [{name: eu}]}
`)
	r.eventuallyAnswers(host, "eu")
}

// The weights of a TrafficPolicy divide the clients, and a change of one moves them.
func TestDNSWeights(t *testing.T) {
	s := sharedSpace(t)
	r := s.resolve(map[string]int32{"east": 1, "west": 1, "eu": 1})
	s.apply(`
apiVersion: federation.drover.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: web}
spec: {mode: Weighted, clusters: [{name: east, weight: 75}, {name: west, weight: 25}]}
`)
	r.eventuallyAnswers(r.nameOf(""), "east", "west")
	got, err := r.answers(r.nameOf(""), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if got["east"] < 680 || got["east"] > 820 {
		t.Errorf("of 1000 clients, with weights 75 and 25, %v", got)
	}
	t.Logf("of 1000 clients, with weights 75 and 25: %v", got)
	s.kubectl("patch", "trafficpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":0}]}}`)
	took := r.eventuallyAnswers(r.nameOf(""), "west")
	t.Logf("weight 0 is followed after %.2fs", took.Seconds())
	s.kubectl("delete", "trafficpolicy", "web")
	r.eventuallyAnswers(r.nameOf(""), "east", "west", "eu")
}

// A cluster whose pods are not ready is not answered within seconds, and is again when they are.
func TestDNSLeavesAClusterWithoutEndpoints(t *testing.T) {
	s := sharedSpace(t)
	r := s.resolve(map[string]int32{"east": 1, "west": 1, "eu": 1})
	r.eventuallyAnswers(r.nameOf(""), "east", "west", "eu")

	start := time.Now()
	s.setReady("east", "False")
	r.eventuallyAnswers(r.nameOf(""), "west", "eu")
	took := time.Since(start)
	t.Logf("from a pod unready to the changed answer: %d ms", took.Milliseconds())
	if took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	s.setReady("east", "True")
	r.eventuallyAnswers(r.nameOf(""), "east", "west", "eu")
}

// setReady changes whether the pods in a cluster are ready, as their node would report it.
func (s *space) setReady(cluster, status string) {
	s.Helper()
	pods, err := s.in(cluster).CoreV1().Pods(s.name).List(s.Context(), listOptions)
	if err != nil {
		s.Fatal(err)
	}
	patch := fmt.Appendf(nil, `{"status":{"conditions":[{"type":"Ready","status":%q}]}}`, status)
	for _, p := range pods.Items {
		if _, err := s.in(cluster).CoreV1().Pods(s.name).Patch(s.Context(), p.Name, types.StrategicMergePatchType, patch, patchOptions, "status"); err != nil {
			s.Fatal(err)
		}
	}
}

// Without a control plane, names are answered, also by a name server that is started only then.
func TestDNSWithoutAControlPlane(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	r := s.resolve(map[string]int32{"north": 1, "south": 1})
	r.eventuallyAnswers(r.nameOf(""), "north", "south")

	f.Kill()
	before, err := r.answers(r.nameOf(""), 64)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := r.NameServer.Start(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := r.answers(r.nameOf(""), 64)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(before, after) {
		t.Errorf("clients are answered %v, and after a start %v", before, after)
	}
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	s.weighTraffic("north")
	r.eventuallyAnswers(r.nameOf(""), "north") // it follows again
}

// weighTraffic leads all clients of web to one cluster.
func (s *space) weighTraffic(cluster string) {
	s.Helper()
	p := &v1alpha1.TrafficPolicy{Spec: v1alpha1.TrafficPolicySpec{Clusters: []v1alpha1.ClusterTraffic{{Name: cluster}}}}
	p.Name = "web"
	if _, err := s.Drover.FederationV1alpha1().TrafficPolicies(s.name).Create(s.Context(), p, createOptions); err != nil {
		s.Fatal(err)
	}
}
