// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kms/pkg/service"

	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/pkg/standalone"
)

const phrase = "correct horse battery staple"

func (f *federation) keepSecret(t *testing.T, namespace, name string) {
	t.Helper()
	must[*corev1.Secret](t)(f.kube.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"a": phrase}}, metav1.CreateOptions{}))
}

// inEtcd is what etcd has of a key.
func (f *federation) inEtcd(t *testing.T, key string) string {
	t.Helper()
	got := must[*clientv3.GetResponse](t)(etcd(t, f).Get(t.Context(), "/registry/drover/"+key))
	if len(got.Kvs) != 1 {
		t.Fatalf("%s is not in etcd", key)
	}
	return string(got.Kvs[0].Value)
}

// Who reads etcd's files, or a copy of them, reads no Secret, by whichever way it was written.
func TestSecretsAreEncrypted(t *testing.T) {
	f, ctx := startFor(t, withControllers), t.Context()
	namespace := f.namespace(t)
	const plain = "nothing to hide"
	must[*corev1.ConfigMap](t)(f.kube.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "plain"}, Data: map[string]string{"a": plain}}, metav1.CreateOptions{}))
	f.keepSecret(t, namespace, "key")
	patch := []byte(`{"stringData": {"b": "` + phrase + `"}}`)
	must[*corev1.Secret](t)(f.kube.CoreV1().Secrets(namespace).Patch(ctx, "key", types.MergePatchType, patch, metav1.PatchOptions{}))
	secrets := corev1.SchemeGroupVersion.WithResource("secrets")
	if _, err := f.dynamic.Resource(secrets).Namespace(namespace).Apply(ctx, "applied", object(t, corev1.SchemeGroupVersion.WithKind("Secret"), namespace, "applied", `{"stringData": {"a": "`+phrase+`"}}`), metav1.ApplyOptions{FieldManager: "test"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"key", "applied"} {
		if got := f.inEtcd(t, "secrets/"+namespace+"/"+name); !strings.HasPrefix(got, "k8s:enc:secretbox:v1:") {
			t.Errorf("secret %s is kept as %.30q", name, got)
		}
	}
	// The files of etcd hold all that was ever written, also what was written over.
	found := map[string]bool{}
	files := os.DirFS(f.dataDir)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(files, path)
		for _, text := range []string{plain, phrase, "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ"} { // the last is base64
			if bytes.Contains(data, []byte(text)) {
				found[text] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !found[plain] {
		t.Errorf("in files there is %v, want only what is no Secret", found)
	}
	if info := must[os.FileInfo](t)(os.Stat(filepath.Join(f.dataDir, "encryption.yaml"))); info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %o", info.Mode().Perm())
	}
}

// mirror stands for a key management service: what it does twice is as before.
type mirror struct{}

func turn(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = ^b
	}
	return out
}

func (mirror) Status(context.Context) (*service.StatusResponse, error) {
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: "1"}, nil
}

func (mirror) Encrypt(_ context.Context, _ string, data []byte) (*service.EncryptResponse, error) {
	return &service.EncryptResponse{Ciphertext: turn(data), KeyID: "1"}, nil
}

func (mirror) Decrypt(_ context.Context, _ string, r *service.DecryptRequest) ([]byte, error) {
	return turn(r.Ciphertext), nil
}

// The key may be with a key management service. What was encrypted by the key in the data directory is read by that, until it
// is written again.
func TestKeyManagementService(t *testing.T) {
	dir, ctx := dataDir(t), t.Context()
	first, err := start(dir, noControllers)
	if err != nil {
		t.Fatal(err)
	}
	namespace := first.namespace(t)
	first.keepSecret(t, namespace, "old")
	if _, err := first.stop(); err != nil {
		t.Fatal(err)
	}

	socket := filepath.Join(filepath.Dir(dir), "kms.sock")
	kms := service.NewGRPCService(socket, patience, mirror{})
	ended := make(chan error, 1)
	go func() { ended <- kms.ListenAndServe() }()
	t.Cleanup(func() {
		kms.Shutdown()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	own := string(must[[]byte](t)(os.ReadFile(filepath.Join(dir, "encryption.yaml"))))
	_, provider, _ := strings.Cut(own, "providers:\n")
	provider, _, _ = strings.Cut(provider, "  resources:")
	file := filepath.Join(filepath.Dir(dir), "kms.yaml")
	config := fmt.Sprintf("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- providers:\n  - kms: {apiVersion: v2, name: test, endpoint: \"unix://%s\"}\n%s  resources: [secrets]\n", socket, provider)
	if err := pki.WriteFile(file, []byte(config)); err != nil {
		t.Fatal(err)
	}
	f, err := start(dir, noControllers, func(o *standalone.Options) { o.APIServer.Etcd.EncryptionProviderConfigFilepath = file })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := f.stop(); err != nil {
			t.Error(err)
		}
	}()
	secrets := f.kube.CoreV1().Secrets(namespace)
	old := must[*corev1.Secret](t)(secrets.Get(ctx, "old", metav1.GetOptions{}))
	if string(old.Data["a"]) != phrase {
		t.Errorf("what the former key encrypted reads %q", old.Data["a"])
	}
	must[*corev1.Secret](t)(secrets.Update(ctx, old, metav1.UpdateOptions{}))
	f.keepSecret(t, namespace, "new")
	for _, name := range []string{"old", "new"} {
		if got := f.inEtcd(t, "secrets/"+namespace+"/"+name); !strings.HasPrefix(got, "k8s:enc:kms:v2:test:") || strings.Contains(got, phrase) {
			t.Errorf("secret %s is kept as %.30q", name, got)
		}
	}
}
