// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Content types.
const (
	asJSON     = "application/json"
	asYAML     = "application/yaml"
	asProtobuf = runtime.ContentTypeProtobuf
	mergePatch = "application/merge-patch+json"
	jsonPatch  = "application/json-patch+json"
	strategic  = "application/strategic-merge-patch+json"
	applyYAML  = "application/apply-patch+yaml"
)

// Paths; NS stands for the test's namespace.
const (
	configMaps    = "/api/v1/namespaces/NS/configmaps"
	theConfigMap  = configMaps + "/there"
	applied       = configMaps + "/bad?fieldManager=test"
	deployments   = "/apis/apps/v1/namespaces/NS/deployments"
	theDeployment = deployments + "/there"
	policies      = "/apis/federation.drover.dev/v1alpha1/namespaces/NS/placementpolicies"
	thePolicy     = policies + "/there"
	reviews       = "/apis/federation.drover.dev/v1alpha1/namespaces/NS/placementreviews"
	strictly      = "?fieldValidation=Strict"
)

// megabyte is longer than any name, and much shorter than a request may be.
var megabyte = strings.Repeat("x", 1<<20)

// nested is a value in so many of what opens and closes.
func nested(opens, value, closes string, depth int) string {
	return strings.Repeat(opens, depth) + value + strings.Repeat(closes, depth)
}

// many are so many of the same with commas between, each with its number in it.
func many(format string, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, ",")
}

// aliases is a short YAML document that would be 9¹⁰ values.
func aliases() string {
	out := "apiVersion: v1\nkind: ConfigMap\na: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		out += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	return out
}

func configMapWith(fields string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"},` + fields + `}`
}

func deploymentWith(image, fields string) string {
	return `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"bad"},"spec":{"selector":{"matchLabels":{"app":"bad"}},"template":{"metadata":{"labels":{"app":"bad"}},"spec":{"containers":[{"name":"bad","image":"` + image + `"}]}}` + fields + `}}`
}

func containersWith(value string) string {
	return `{"spec":{"template":{"spec":` + value + `}}}`
}

func ownWith(kind, spec string) string {
	return `{"apiVersion":"federation.drover.dev/v1alpha1","kind":"` + kind + `","metadata":{"name":"bad"},"spec":{` + spec + `}}`
}

func protobuf(t *testing.T, value string) string {
	t.Helper()
	info, _ := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), asProtobuf)
	var out bytes.Buffer
	obj := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "bad"}, Data: map[string]string{"a": value}}
	if err := scheme.Codecs.EncoderForVersion(info.Serializer, corev1.SchemeGroupVersion).Encode(obj, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// hostile is a request that no client should make, and what it is refused with.
type hostile struct {
	name, method, path, contentType, body string

	code int
}

// refuse sends requests to the server as it is, and expects each to be refused as the client's fault, soon, in words, and
// without a change to anything.
func (f *federation) refuse(t *testing.T, requests []hostile) {
	t.Helper()
	namespace, ctx := f.namespace(t), t.Context()
	must[*corev1.ConfigMap](t)(f.kube.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "there"}, Data: map[string]string{"a": "b"}}, metav1.CreateOptions{}))
	must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(namespace).Create(ctx, deployment("there", 1), metav1.CreateOptions{}))
	must[*v1alpha1.PlacementPolicy](t)(f.own.FederationV1alpha1().PlacementPolicies(namespace).Create(ctx, policy("there", weight("east", 1)), metav1.CreateOptions{}))
	stored := func() (out []string) {
		for _, obj := range must[*corev1.ConfigMapList](t)(f.kube.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{})).Items {
			out = append(out, "configmap "+obj.Name+" "+obj.ResourceVersion)
		}
		return append(out, f.stored(t, namespace)...)
	}
	before := stored()
	client := must[*http.Client](t)(rest.HTTPClientFor(f.config))
	for _, r := range requests {
		t.Run(r.name, func(t *testing.T) {
			defer func(begin time.Time) {
				if took := time.Since(begin); took > patience {
					t.Errorf("it kept the server busy for %s", took)
				}
			}(time.Now())
			request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), r.method, f.config.Host+strings.ReplaceAll(r.path, "NS", namespace), strings.NewReader(r.body)))
			request.Header.Set("Content-Type", r.contentType)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body := must[[]byte](t)(io.ReadAll(response.Body))
			var status metav1.Status
			if err := json.Unmarshal(body, &status); err != nil || status.Message == "" {
				t.Errorf("the answer says nothing: %v, %.300s", err, body)
			}
			if response.StatusCode != r.code {
				t.Errorf("it is answered %d, want %d: %.300s", response.StatusCode, r.code, body)
			}
		})
	}
	if after := stored(); strings.Join(after, ", ") != strings.Join(before, ", ") {
		t.Errorf("%v is stored, before it was %v", after, before)
	}
}

// Whoever may write may not, by what they write, have the server stop, store what it cannot read, or work for long.
func TestHostileBodies(t *testing.T) {
	pb := protobuf(t, "b")
	api(t).refuse(t, []hostile{
		{"more than a request may be", "POST", configMaps, asJSON, configMapWith(`"data":{"a":"` + strings.Repeat(megabyte, 4) + `"}`), 413},
		{"more in YAML", "POST", configMaps, asYAML, configMapWith(`"data":{"a":"` + strings.Repeat(megabyte, 4) + `"}`), 413},
		{"more in protobuf", "POST", configMaps, asProtobuf, protobuf(t, strings.Repeat(megabyte, 4)), 413},
		{"more of our own", "POST", policies, asJSON, ownWith("PlacementPolicy", `"clusters":[{"name":"`+strings.Repeat(megabyte, 4)+`"}]`), 413},
		{"more to delete by", "DELETE", theConfigMap, asJSON, `{"a":"` + strings.Repeat(megabyte, 4) + `"}`, 413},
		{"more than a ConfigMap holds", "POST", configMaps, asJSON, configMapWith(`"data":{"a":"` + megabyte + megabyte + `"}`), 422},
		{"more than etcd's server takes", "POST", deployments, asJSON, deploymentWith(megabyte+megabyte[:1<<19], ""), 413},
		{"more than etcd's client takes", "POST", deployments, asJSON, deploymentWith(megabyte+megabyte, ""), 413},
		{"more of our own than etcd takes", "POST", policies, asJSON, ownWith("PlacementPolicy", `"overrides":[{"clusters":["east"],"jsonPatch":[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"`+megabyte+megabyte+`"}]}]`), 413},

		{"deep JSON", "POST", configMaps, asJSON, configMapWith(`"x":` + nested("[", "1", "]", 100000)), 400},
		{"deep JSON that can be read", "POST", configMaps, asJSON, configMapWith(`"data":` + nested(`{"a":`, "1", "}", 9000)), 400},
		{"deep YAML", "POST", configMaps, asYAML, "apiVersion: v1\nkind: ConfigMap\nx: " + nested("[", "1", "]", 100000), 400},
		{"deep YAML that can be read", "POST", configMaps + strictly, asYAML, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\nx: " + nested("{a: ", "1", "}", 9000), 400},
		{"deep in a field of any form", "POST", policies, asJSON, ownWith("PlacementPolicy", `"overrides":[{"clusters":["east"],"jsonPatch":[{"op":"add","path":"/spec/x","value":`+nested(`{"a":`, "1", "}", 9000)+`}]}]`), 422},
		{"deeper in a field of any form", "POST", policies, asJSON, ownWith("PlacementPolicy", `"overrides":[{"clusters":["east"],"jsonPatch":[{"op":"add","path":"/spec/x","value":`+nested("[", "1", "]", 200000)+`}]}]`), 400},
		{"deep in a review", "POST", reviews, asJSON, ownWith("PlacementReview", `"workload":`+nested(`{"a":`, "1", "}", 9000)), 422},
		{"deeper in a review", "POST", reviews, asJSON, ownWith("PlacementReview", `"workload":`+nested(`{"a":`, "1", "}", 200000)), 400},
		{"YAML that is much more than it looks", "POST", configMaps, asYAML, aliases(), 400},

		{"thousands of unknown fields", "POST", configMaps + strictly, asJSON, configMapWith(many(`"f%d":1`, 50000)), 400},
		{"thousands of unknown fields of our own", "POST", policies + strictly, asJSON, ownWith("PlacementPolicy", many(`"f%d":1`, 50000)), 400},
		{"one field thousands of times", "POST", configMaps + strictly, asJSON, configMapWith(`"data":{` + many(`"a":"%d"`, 50000) + `}`), 400},
		{"thousands of bad keys", "POST", configMaps, asJSON, configMapWith(`"data":{` + many(`"$%d":"x"`, 50000) + `}`), 422},
		{"thousands of bad labels", "POST", configMaps, asJSON, strings.Replace(configMapWith(`"data":{}`), `"bad"`, `"bad","labels":{`+many(`"$%d":"x"`, 50000)+`}`, 1), 422},
		{"thousands of bad clusters", "POST", policies, asJSON, ownWith("PlacementPolicy", `"clusters":[`+many(`{"name":"_%d","weight":-1}`, 20000)+`]`), 422},
		{"thousands of times the same cluster", "POST", policies, asJSON, ownWith("PlacementPolicy", `"clusters":[`+many(`{"name":"a","weight":%d}`, 50000)+`]`), 422},
		{"a review of thousands of policies", "POST", reviews, asJSON, ownWith("PlacementReview", `"workload":`+deploymentWith("x", "")+`,"policies":[`+many(`%d`, 200000)+`]`), 422},
		{"a label selector of thousands", "POST", policies, asJSON, ownWith("PlacementPolicy", `"selector":{"matchLabels":{`+many(`"$%d":"x"`, 20000)+`}}`), 422},

		{"a value that is not UTF-8", "POST", configMaps, asJSON, configMapWith("\"data\":{\"a\":\"\xff\xfe\"}"), 400},
		{"a key that is not UTF-8", "POST", configMaps, asJSON, configMapWith("\"data\":{\"\xff\":\"\"}"), 400},
		{"YAML that is not UTF-8", "POST", configMaps, asYAML, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndata: {a: \"\xff\xfe\"}", 400},
		{"a patch that is not UTF-8", "PATCH", theConfigMap, mergePatch, "{\"data\":{\"a\":\"\xff\xfe\"}}", 400},
		{"UTF-16", "POST", configMaps, asJSON, "\xff\xfe{\x00}\x00", 400},
		{"a key in protobuf that is not UTF-8", "POST", configMaps, asProtobuf, strings.Replace(pb, "\x0a\x01a", "\x0a\x01\xff", 1), 422},
		{"NUL in a text", "POST", configMaps, asJSON, configMapWith("\"data\":{\"a\":\"\x00\"}"), 400},

		{"protobuf cut off", "POST", configMaps, asProtobuf, pb[:len(pb)-5], 400},
		{"protobuf's first bytes", "POST", configMaps, asProtobuf, pb[:4], 400},
		{"protobuf of a wrong length", "POST", configMaps, asProtobuf, pb[:len(pb)-8] + "\xff\xff\xff\xff\xff\xff\xff\x7f", 400},
		{"protobuf of groups in groups", "POST", configMaps, asProtobuf, pb[:4] + strings.Repeat("\x0b", 1<<20), 400},
		{"JSON that says it is protobuf", "POST", configMaps, asProtobuf, configMapWith(`"data":{}`), 400},
		{"protobuf that says it is JSON", "POST", configMaps, asJSON, pb, 400},
		{"protobuf, of our own", "POST", policies, asProtobuf, pb, 415},
		{"text", "POST", configMaps, "text/plain", configMapWith(`"data":{}`), 415},
		{"a form", "POST", configMaps, "application/x-www-form-urlencoded", "a=b", 415},
		{"CBOR", "POST", configMaps, "application/cbor", "\xd9\xd9\xf7\xa0", 415},
		{"no type at all", "POST", configMaps, ";;;", configMapWith(`"data":{}`), 415},
		{"a patch of no type", "PATCH", theConfigMap, asJSON, "{}", 415},

		{"another kind", "POST", configMaps, asJSON, deploymentWith("x", ""), 400},
		{"another kind of our own", "POST", policies, asJSON, ownWith("PlacementReview", ""), 400},
		{"a kind that is not served", "POST", configMaps, asJSON, `{"apiVersion":"v1","kind":"Rocket"}`, 400},
		{"a version that is not served", "POST", deployments, asJSON, strings.Replace(deploymentWith("x", ""), "apps/v1", "apps/v1beta1", 1), 400},
		{"a version that is the server's own", "POST", deployments, asJSON, strings.Replace(deploymentWith("x", ""), "apps/v1", "apps/__internal", 1), 400},
		{"a list", "POST", configMaps, asJSON, `{"apiVersion":"v1","kind":"ConfigMapList","items":[]}`, 400},
		{"a status", "POST", configMaps, asJSON, `{"apiVersion":"v1","kind":"Status"}`, 400},
		{"another name", "PUT", theConfigMap, asJSON, configMapWith(`"data":{}`), 400},
		{"nothing", "POST", configMaps, asJSON, "", 400},
		{"null", "POST", configMaps, asJSON, "null", 422},
		{"what is cut off", "POST", configMaps, asJSON, configMapWith(`"data":{"a":"b"}`)[:40], 400},
		{"what goes on behind its end", "POST", configMaps, asJSON, configMapWith(`"data":{"a":"b"}`) + "}}", 400},
		{"numbers that are none", "POST", deployments, asJSON, deploymentWith("x", `,"replicas":1e400`), 400},
		{"numbers that are too large", "POST", deployments, asJSON, deploymentWith("x", `,"replicas":99999999999999999999`), 400},
		{"times that are none", "POST", configMaps, asJSON, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad","creationTimestamp":"yesterday"}}`, 400},
		{"other options to delete by", "DELETE", theConfigMap, asJSON, configMapWith(`"data":{}`), 400},
	})
}
