// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"testing"

	codec "github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/dns"
	"drover.dev/drover/pkg/standalone"
)

var dnsReady = regexp.MustCompile(`^drover dns is ready at dns://(\S+)`)

// A name server in the control plane's process knows its Services, also after both were started again.
func TestNameServerInTheSameProcess(t *testing.T) {
	dir := dataDir(t)
	for run := range 2 {
		out, in := io.Pipe()
		names := dns.NewOptions()
		names.Listen, names.HTTP, names.LastGood = []string{"127.0.0.1:0"}, "", filepath.Join(dir, "dns.json")
		f, err := start(dir, withControllers, func(o *standalone.Options) {
			o.DNS = func(ctx context.Context, config *rest.Config) error {
				names.Federation = config
				return names.Run(ctx, in)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 1024)
		n, err := out.Read(line)
		if err != nil {
			t.Fatal(err)
		}
		match := dnsReady.FindSubmatch(line[:n])
		if match == nil {
			t.Fatalf("the name server says %q", line[:n])
		}
		if run == 0 {
			must[*corev1.Service](t)(f.kube.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}},
			}, metav1.CreateOptions{}))
		}
		eventually(t, "the Service is known", func() string {
			for name, want := range map[string]int{"web": codec.RcodeSuccess, "api": codec.RcodeNameError} {
				reply, _, err := new(codec.Client).Exchange(new(codec.Msg).SetQuestion(name+".default.federation.svc.drover.test.", codec.TypeA), string(match[1]))
				if err != nil {
					return err.Error()
				}
				if reply.Rcode != want || len(reply.Answer) != 0 {
					return fmt.Sprintf("%s is answered\n%s", name, reply)
				}
			}
			return ""
		})
		if took, err := f.stop(); err != nil || took > stopLimit {
			t.Fatalf("stopped after %s: %v", took, err)
		}
	}
}
