package attest

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// tokenHosts are hosts that issue tokens for a registry under another name,
// both operated by the same organisation.
var tokenHosts = map[string]string{
	"index.docker.io":     "auth.docker.io",
	"registry.gitlab.com": "gitlab.com",
}

// A guard sits below everything that adds credentials to requests, and refuses
// to carry them to another host than the registry's (a registry names the realm
// that issues tokens, and may redirect: oras-go GHSA-xf85-363p-868w, regclient
// GHSA-qvqc-4c52-x6qp), or over an open connection to another computer.
type guard struct {
	registry string
	inner    http.RoundTripper
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	// A token is asked for with a form that holds a password or a refresh token.
	secret := req.Header.Get("Authorization") != "" ||
		strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	host := req.URL.Host
	if secret {
		own := host == g.registry || host == tokenHosts[g.registry]
		if !own || req.URL.Scheme != "https" && !isLoopback(req.URL.Hostname()) {
			if req.Body != nil {
				req.Body.Close()
			}
			return nil, &CredentialError{Registry: g.registry, URL: req.URL.Scheme + "://" + host}
		}
	}
	resp, err := g.inner.RoundTrip(req)
	if err != nil || host == g.registry || req.Method != http.MethodHead {
		return resp, err
	}
	if size, asked := req.Context().Value(sentSize{}).(int64); asked && resp.ContentLength != size {
		resp.StatusCode, resp.Status = http.StatusNotFound, "404 Not Found"
	}
	return resp, nil
}

// sentSize is the key under which the context of an upload has the size of the
// blob, an int64. Some registries send whoever asks whether a blob is there on to
// where it lies. Another host that answers, and has something else, would pass
// for the registry having the blob, which then would not be sent.
type sentSize struct{}

// checkRedirect follows a registry to where its blobs lie, without credentials
// (guard), and not from a private connection to an open one, nor from elsewhere
// to this computer or its network. What is written it does not follow anywhere:
// another host that takes it, or a PUT that became a GET (RFC 9110, 15.4.3),
// would pass for the registry having it.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	switch {
	case via[0].Method != http.MethodGet && via[0].Method != http.MethodHead:
		return fmt.Errorf("redirected %s to %s", via[0].Method, quote(req.URL.Host))
	case len(via) > maxRedirects:
		return fmt.Errorf("redirected more than %d times", maxRedirects)
	case req.URL.Scheme != "https" && req.URL.Scheme != from.Scheme:
		return fmt.Errorf("redirected from %s to %s", from.Scheme, quote(req.URL.Scheme))
	case req.URL.Host != from.Host && isPrivate(req.URL.Hostname()) && !isPrivate(from.Hostname()):
		return fmt.Errorf("redirected from %s to the private address %s", from.Host, quote(req.URL.Hostname()))
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// isPrivate reports whether a host is written as an address of this computer or
// of its network, the metadata service of a cloud included.
func isPrivate(host string) bool {
	if isLoopback(host) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	return addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
}
