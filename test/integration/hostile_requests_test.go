// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/standalone"
)

// A patch that cannot be made is the client's fault, whichever way it is written.
func TestHostilePatches(t *testing.T) {
	api(t).refuse(t, []hostile{
		{"more than a request may be", "PATCH", theConfigMap, mergePatch, `{"data":{"a":"` + strings.Repeat(megabyte, 4) + `"}}`, 413},
		{"more than etcd takes", "PATCH", theDeployment, strategic, containersWith(`{"containers":[{"name":"main","image":"` + megabyte + megabyte + `"}]}`), 413},
		{"deep, to merge", "PATCH", theConfigMap, mergePatch, nested(`{"a":`, "1", "}", 100000), 400},
		{"deep, to merge strategically", "PATCH", theConfigMap, strategic, nested(`{"data":`, "1", "}", 100000), 400},
		{"deep, that can be read", "PATCH", theConfigMap, strategic, nested(`{"data":`, "1", "}", 5000), 422},
		{"deep, in an operation", "PATCH", theConfigMap, jsonPatch, `[{"op":"add","path":"/data","value":` + nested("[", "1", "]", 100000) + `}]`, 400},
		{"deep, to apply", "PATCH", applied, applyYAML, "apiVersion: v1\nkind: ConfigMap\ndata: " + nested("[", "1", "]", 100000), 400},
		{"deep, to apply, that can be read", "PATCH", applied, applyYAML, "apiVersion: v1\nkind: ConfigMap\ndata: " + nested("{a: ", "1", "}", 9000), 400},
		{"much more than it looks, to apply", "PATCH", applied, applyYAML, aliases(), 400},
		{"thousands of unknown fields", "PATCH", applied, applyYAML, configMapWith(many(`"f%d":1`, 20000)), 400},
		{"thousands of bad labels", "PATCH", theConfigMap, mergePatch, `{"metadata":{"labels":{` + many(`"$%d":"x"`, 50000) + `}}}`, 422},
		{"thousands of bad finalizers", "PATCH", theConfigMap, mergePatch, `{"metadata":{"finalizers":[` + many(`"$%d"`, 50000) + `]}}`, 422},

		{"thousands of operations", "PATCH", theConfigMap, jsonPatch, "[" + many(`{"op":"add","path":"/data/x","value":"%d"}`, 20000) + "]", 413},
		{"operations that copy and copy", "PATCH", theConfigMap, jsonPatch, `[{"op":"add","path":"/data/a","value":"` + megabyte + `"},` + many(`{"op":"copy","from":"/data/a","path":"/data/b%d"}`, 5000) + "]", 422},
		{"operations that double", "PATCH", theConfigMap, jsonPatch, "[" + many(`{"op":"copy","from":"/metadata","path":"/metadata/b%d"}`, 200) + "]", 422},
		{"an operation that is none", "PATCH", theConfigMap, jsonPatch, `[{"op":"eat","path":"/data"}]`, 422},
		{"an operation on nothing", "PATCH", theConfigMap, jsonPatch, `[{"op":"remove","path":"/none/of/this"}]`, 422},
		{"an operation on everything", "PATCH", theConfigMap, jsonPatch, `[{"op":"replace","path":"","value":[]}]`, 422},
		{"an operation far behind a list's end", "PATCH", theDeployment, jsonPatch, `[{"op":"add","path":"/spec/template/spec/containers/99999999999999999999","value":null}]`, 422},
		{"an operation before a list's start", "PATCH", theDeployment, jsonPatch, `[{"op":"replace","path":"/spec/template/spec/containers/-5","value":null}]`, 422},
		{"null for an operation", "PATCH", theConfigMap, jsonPatch, `[null]`, 422},
		{"an object for operations", "PATCH", theConfigMap, jsonPatch, `{}`, 400},
		{"metadata taken away", "PATCH", thePolicy, jsonPatch, `[{"op":"replace","path":"/spec","value":null},{"op":"replace","path":"/metadata","value":null}]`, 400},

		{"nothing, to merge", "PATCH", theConfigMap, mergePatch, ``, 400},
		{"null, to merge", "PATCH", theConfigMap, mergePatch, `null`, 400},
		{"a list, to merge", "PATCH", theConfigMap, mergePatch, `[]`, 400},
		{"another kind", "PATCH", theConfigMap, mergePatch, `{"kind":"Secret"}`, 422},
		{"another name", "PATCH", theConfigMap, mergePatch, `{"metadata":{"name":"other"}}`, 400},
		{"another namespace", "PATCH", theConfigMap, mergePatch, `{"metadata":{"namespace":"other"}}`, 400},
		{"another UID", "PATCH", theConfigMap, mergePatch, `{"metadata":{"uid":"other"}}`, 422},
		{"a version that is none", "PATCH", theConfigMap, mergePatch, `{"metadata":{"resourceVersion":"other"}}`, 400},
		{"a scale that is none", "PATCH", theDeployment + "/scale", mergePatch, `{"spec":{"replicas":"x"}}`, 422},
		{"a status that is none", "PATCH", theDeployment + "/status", mergePatch, `{"status":"x"}`, 422},

		{"a directive that is none", "PATCH", theDeployment, strategic, containersWith(`{"containers":[{"$patch":"nonsense","name":"main"}]}`), 400},
		{"a list's item without its key", "PATCH", theDeployment, strategic, containersWith(`{"containers":[{"image":"x"}]}`), 400},
		{"a list's item without its key, of our own", "PATCH", thePolicy, strategic, `{"spec":{"clusters":[{"weight":3}]}}`, 400},
		{"null for a list's item", "PATCH", thePolicy, strategic, `{"spec":{"clusters":[null]}}`, 400},
		{"an object for a list", "PATCH", theDeployment, strategic, containersWith(`{"containers":{"image":"x"}}`), 422},
		{"items of several types", "PATCH", theDeployment, strategic, containersWith(`{"containers":["x",1]}`), 400},
		{"an order of nothing", "PATCH", theDeployment, strategic, containersWith(`{"$setElementOrder/containers":"x"}`), 400},
		{"an order that is broken", "PATCH", theDeployment, strategic, containersWith(`{"$setElementOrder/containers":[{"name":7}],"containers":[{"name":"b","image":"x"}]}`), 400},
		{"all of it deleted", "PATCH", thePolicy, strategic, `{"$patch":"delete"}`, 400},

		{"applied by nobody", "PATCH", configMaps + "/bad", applyYAML, configMapWith(`"data":{}`), 422},
		{"applied to another kind", "PATCH", applied, applyYAML, deploymentWith("x", ""), 400},
		{"applied to another name", "PATCH", configMaps + "/other?fieldManager=test", applyYAML, configMapWith(`"data":{}`), 400},
		{"applied as text", "PATCH", applied, applyYAML, "hello", 400},
		{"applied as nothing", "PATCH", applied, applyYAML, "", 400},
	})
}

// So is a request that asks for what there is not.
func TestHostileRequests(t *testing.T) {
	api(t).refuse(t, []hostile{
		{"a method that is none", "BREW", configMaps, "", "", 405},
		{"a method not for this", "PUT", configMaps, asJSON, configMapWith(`"data":{}`), 405},
		{"a label selector that is cut off", "GET", configMaps + "?labelSelector=a+in", "", "", 400},
		{"a label selector that only opens", "GET", configMaps + "?labelSelector=" + strings.Repeat("(", 50000), "", "", 400},
		{"a label selector of thousands", "GET", configMaps + "?labelSelector=" + many("$%d=b", 50000), "", "", 400},
		{"a label selector that is not UTF-8", "GET", configMaps + "?labelSelector=%ff%fe", "", "", 400},
		{"a field that cannot be selected by", "GET", configMaps + "?fieldSelector=data.a=b", "", "", 400},
		{"a limit that is none", "GET", configMaps + "?limit=x", "", "", 400},
		{"a limit that is too large", "GET", configMaps + "?limit=99999999999999999999999", "", "", 400},
		{"a page that is none", "GET", configMaps + "?limit=1&continue=nonsense", "", "", 400},
		{"a page of other objects", "GET", configMaps + "?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vLi4vc2VjcmV0cyJ9", "", "", 400},
		{"a list of a version that is none", "GET", configMaps + "?resourceVersion=x", "", "", 400},
		{"an object of a version that is none", "GET", theConfigMap + "?resourceVersion=x", "", "", 400},
		{"a watch from a version that is none", "GET", configMaps + "?watch=1&resourceVersion=x", "", "", 400},
		{"a watch for a time that is none", "GET", configMaps + "?watch=1&timeoutSeconds=x", "", "", 400},
		{"a time to wait that is none", "GET", configMaps + "?timeout=nonsense", "", "", 400},
		{"a dry run of a part", "POST", configMaps + "?dryRun=Nonsense", asJSON, configMapWith(`"data":{}`), 422},
		{"a long name of a manager", "POST", configMaps + "?fieldManager=" + strings.Repeat("x", 129), asJSON, configMapWith(`"data":{}`), 422},
		{"another way to delete", "DELETE", theConfigMap + "?propagationPolicy=Nonsense", "", "", 422},
		{"a delete of another object", "DELETE", theConfigMap, asJSON, `{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"x"}}`, 409},
		{"a name that leads elsewhere", "GET", configMaps + "/..%2f..%2fsecrets", "", "", 404},
		{"a name that is not UTF-8", "GET", configMaps + "/%ff%fe", "", "", 404},
		{"a long name", "GET", configMaps + "/" + strings.Repeat("a", 100000), "", "", 404},
		{"a namespace that leads elsewhere", "GET", "/api/v1/namespaces/a%2fb/configmaps", "", "", 404},
		{"a resource that is none", "GET", "/apis/apps/v1/namespaces/NS/rockets", "", "", 404},
		{"a question that asks nothing", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", asJSON, `{}`, 400},
	})
}

// Who sends more at a time than is served at a time is told to come again, and others are served then.
func TestRequestLimits(t *testing.T) {
	f, ctx := startFor(t, noControllers, func(o *standalone.Options) { o.APIServer.MaxMutatingRequests = 1 }), t.Context()
	here := f.namespace(t)
	f.bind(t, here, clusterRole("edit"), "l-jane")
	f.waitUntilMay(t, "l-jane", here, "create configmaps")
	client := must[*http.Client](t)(rest.HTTPClientFor(f.as(t, "l-jane")))
	post := func(body io.Reader) (*http.Response, error) {
		request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, f.config.Host+strings.ReplaceAll(configMaps, "NS", here)+"?dryRun=All", body)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", asJSON)
		return client.Do(request)
	}
	quick := func() (*http.Response, error) { return post(strings.NewReader(configMapWith(`"data":{}`))) }
	slow, send := io.Pipe()
	answered := make(chan string, 1)
	served := func() { // until its body ends
		answered <- is(func() (*http.Response, error) { return post(slow) }, http.StatusBadRequest)
	}
	go served()
	eventually(t, "a second request is refused while the first is served", func() string {
		select {
		case answer := <-answered: // something else was served just then
			slow, send = io.Pipe()
			go served()
			return "the first is answered " + answer
		default:
			return is(quick, http.StatusTooManyRequests)
		}
	})
	if _, err := f.kube.CoreV1().ConfigMaps(here).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "urgent"}}, metav1.CreateOptions{}); err != nil {
		t.Errorf("the administrator is refused as well: %v", err)
	}
	if err := send.Close(); err != nil {
		t.Error(err)
	}
	if answer := <-answered; answer != "" {
		t.Errorf("the first request is answered %s", answer)
	}
	eventually(t, "the next request is served", func() string { return is(quick, http.StatusCreated) })
}

// is says what the answer is, if its status is another.
func is(ask func() (*http.Response, error), status int) string {
	response, err := ask()
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if response.StatusCode != status {
		return response.Status
	}
	return ""
}
