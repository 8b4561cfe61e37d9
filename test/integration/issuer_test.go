// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/pkg/standalone"
)

// issuer is an OpenID Connect provider that signs whatever it is asked to, by RSA and by an elliptic curve.
type issuer struct {
	*httptest.Server
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

func startIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{
		rsa: must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)),
		ec:  must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
	}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/keys")
		case "/keys":
			point, err := i.ec.PublicKey.Bytes() // 4, x, y
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprintf(w, `{"keys":[{"kty":"RSA","use":"sig","kid":"RS256","alg":"RS256","n":%q,"e":%q},{"kty":"EC","use":"sig","kid":"ES256","alg":"ES256","crv":"P-256","x":%q,"y":%q}]}`,
				encode(i.rsa.N.Bytes()), encode(big.NewInt(int64(i.rsa.E)).Bytes()), encode(point[1:33]), encode(point[33:]))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token signs claims. Those of a valid token are there already, and are taken over by those given, or left out for nil.
func (i *issuer) token(t *testing.T, algorithm string, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": i.URL, "aud": "drover", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "sub": "1", "email": "jane", "groups": []string{"dev"}}
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	body := must[[]byte](t)(json.Marshal(all))
	signed := encode([]byte(`{"typ":"JWT","alg":"`+algorithm+`","kid":"`+algorithm+`"}`)) + "." + encode(body)
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	if algorithm == "RS256" {
		signature = must[[]byte](t)(rsa.SignPKCS1v15(rand.Reader, i.rsa, crypto.SHA256, digest[:]))
	} else {
		r, s, err := ecdsa.Sign(rand.Reader, i.ec, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	return signed + "." + encode(signature)
}

// configuration is a file that accepts the issuer's tokens, and puts a prefix before the names in them.
func (i *issuer) configuration(prefix string) []byte {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})
	return []byte(`apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: ` + i.URL + `
    audiences: [drover]
    certificateAuthority: |
      ` + strings.ReplaceAll(strings.TrimSpace(string(ca)), "\n", "\n      ") + `
  claimMappings:
    username: {claim: email, prefix: "` + prefix + `"}
    groups: {claim: groups, prefix: "` + prefix + `"}
`)
}

func TestOpenIDConnect(t *testing.T) {
	ctx, issuer, other := t.Context(), startIssuer(t), startIssuer(t)
	file := filepath.Join(t.TempDir(), "authentication.yaml")
	if err := os.WriteFile(file, issuer.configuration("oidc:"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := startFor(t, noControllers, func(o *standalone.Options) { o.APIServer.AuthenticationConfig = file })
	whoami := func(token string) (string, error) {
		config := f.asNobody()
		config.BearerToken = token
		me, err := kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			return "", err
		}
		return me.Status.UserInfo.Username + " " + strings.Join(me.Status.UserInfo.Groups, ","), nil
	}
	const jane = "oidc:jane oidc:dev,system:authenticated"
	valid := issuer.token(t, "RS256", nil)
	eventually(t, "the issuer's keys are known", func() string {
		if me, err := whoami(valid); me != jane {
			return fmt.Sprint(me, err)
		}
		return ""
	})
	if me, err := whoami(issuer.token(t, "ES256", nil)); me != jane {
		t.Errorf("signed by an elliptic curve: %s, %v", me, err)
	}
	if me, err := whoami(issuer.token(t, "RS256", map[string]any{"groups": []string{"system:masters"}})); me != "oidc:jane oidc:system:masters,system:authenticated" {
		t.Errorf("a group of the issuer: %s, %v", me, err)
	}
	for name, token := range map[string]string{
		"of another issuer":      other.token(t, "RS256", nil),
		"signed by another":      other.token(t, "RS256", map[string]any{"iss": issuer.URL}),
		"expired":                issuer.token(t, "RS256", map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"for somebody else":      issuer.token(t, "RS256", map[string]any{"aud": "another"}),
		"without a name":         issuer.token(t, "RS256", map[string]any{"email": nil}),
		"not signed":             valid[:strings.LastIndex(valid, ".")+1],
		"not a token":            "guessed",
		"with another signature": valid[:len(valid)-8] + "AAAAAAAA",
	} {
		if me, err := whoami(token); code(err) != 401 {
			t.Errorf("%s: is %s, %v", name, me, err)
		}
		config := f.asNobody()
		config.BearerToken = token
		if err := rawClient(t, config).Get().AbsPath("/livez").Do(ctx).Error(); code(err) != 401 {
			t.Errorf("%s, where no token is needed: %v", name, err)
		}
	}
	if list, err := f.kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{}); err != nil || len(list.Items) == 0 {
		t.Errorf("certificates beside tokens: %v", err)
	}

	review := func(token string, audiences ...string) authenticationv1.TokenReviewStatus {
		return must[*authenticationv1.TokenReview](t)(f.kube.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
			Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: audiences},
		}, metav1.CreateOptions{})).Status
	}
	if got := review(valid); !got.Authenticated || got.User.Username != "oidc:jane" || got.Error != "" {
		t.Errorf("review of a token: %+v", got)
	}
	if got := review("guessed"); got.Authenticated || got.User.Username != "" || got.Error == "" {
		t.Errorf("review of no token: %+v", got)
	}
	if got := review(valid, "another"); got.Authenticated {
		t.Errorf("review of a token for another audience: %+v", got)
	}
	if _, err := f.kube.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{}, metav1.CreateOptions{}); code(err) != 400 {
		t.Errorf("review of nothing: %v", err)
	}
	client := kubernetes.NewForConfigOrDie(f.as(t, "t-jane"))
	if _, err := client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: valid}}, metav1.CreateOptions{}); code(err) != 403 {
		t.Errorf("review without the right to: %v", err)
	}

	// A file that is no good changes nothing; one that is good is taken up.
	for _, data := range [][]byte{[]byte("kind: Nonsense\n"), issuer.configuration("new:")} {
		if err := pki.WriteFile(file, data); err != nil {
			t.Fatal(err)
		}
		if me, err := whoami(valid); err != nil {
			t.Errorf("after the file has changed: %s, %v", me, err)
		}
	}
	eventually(t, "the changed file is in force", func() string {
		if me, err := whoami(valid); me != "new:jane new:dev,system:authenticated" {
			return fmt.Sprint(me, err)
		}
		return ""
	})
}
