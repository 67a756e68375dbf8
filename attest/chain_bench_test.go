package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/carnet-dev/carnet/provenance"
)

// chainHops is how many times the artifact of the benchmark was handed on.
const chainHops = 8

// A chain is the dossier of an artifact that was handed on chainHops times: a
// declaration, build provenance, a transfer and an acknowledgement for each
// hop, and a status.
type chain struct {
	papers []*Bundle
	files  *provenance.Manifest
	trust  *Trust
	keys   []crypto.PublicKey // of the signer of each paper
}

// chainProvenance is build provenance of the length that builders write.
const chainProvenance = `{
  "buildDefinition": {
    "buildType": "https://builds.arden.example/train/v1",
    "externalParameters": {"repository": "https://git.arden.example/tracker", "ref": "refs/tags/v2.1", "entryPoint": "train.yaml", "seed": "20261130"},
    "internalParameters": {"runner": "gpu-pool-3", "image": "registry.arden.example/train@sha256:5f0c7a1c52f9e1c7b1c1b1d0d9f7a3c0a6f9b5f8f6f21d0a9c7e5d3b1f0e2d4c"},
    "resolvedDependencies": [
      {"uri": "git+https://git.arden.example/tracker@refs/tags/v2.1", "digest": {"gitCommit": "3f786850e387550fdab836ed7e6dc881de23001b"}},
      {"uri": "https://data.arden.example/tracks/2026-11.parquet", "digest": {"sha256": "9b871512327c09ce91dd649b3f96a63b7408ef267c8cc5710114e629730cb61f"}},
      {"uri": "https://data.arden.example/tracks/2026-10.parquet", "digest": {"sha256": "1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d83567014"}},
      {"uri": "pkg:pypi/torch@2.9.1", "digest": {"sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"}}
    ]
  },
  "runDetails": {
    "builder": {"id": "https://builds.arden.example/gpu-pool", "version": {"runner": "4.2.0", "scheduler": "1.18.3"}},
    "metadata": {"invocationId": "https://builds.arden.example/runs/88121", "startedOn": "2026-11-29T08:00:00Z", "finishedOn": "2026-11-30T19:42:11Z"}
  }
}`

// newChain signs the papers with one key for the exporter, one for those who
// hold the artifact afterwards, one for the authority and one for the builder.
func newChain(b testing.TB, newKey func() crypto.Signer) *chain {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	files, err := provenance.NewManifest([]provenance.File{{Path: "model.safetensors", Digest: provenance.Digest{1}, Size: 1}, {Path: "config.json", Digest: provenance.Digest{2}, Size: 1}})
	must(err)
	c := &chain{files: files}
	names := []string{"arden", "custodians", "us-ddtc", "builder"}
	signers, keys := map[string]*Signer{}, map[string]crypto.PublicKey{}
	var trusted []TrustedSigner
	for _, name := range names {
		key := newKey()
		signer, err := newKeySigner(key)
		must(err)
		signers[name], keys[name] = signer, key.Public()
		trusted = append(trusted, TrustedSigner{Name: name, Key: signer.PublicKey()})
	}
	c.trust, err = NewTrust(trusted...)
	must(err)
	subjects := provenance.ArtifactSubjects("arden/tracker", files.Root())
	add := func(signer string, st *provenance.Statement, err error) *Bundle {
		b.Helper()
		must(err)
		paper, err := Sign(b.Context(), st, signers[signer])
		must(err)
		c.papers = append(c.papers, paper)
		c.keys = append(c.keys, keys[signer])
		return paper
	}
	written, err := os.ReadFile(filepath.Join("..", "testdata", "declarations", "arden-tracker.yaml"))
	must(err)
	declaration, err := provenance.FromYAML("export-control/v1", written)
	must(err)
	st, err := provenance.NewRawStatement(provenance.TypeDeclaration, declaration, append(subjects, provenance.ConfigSubject(provenance.Digest{3}))...)
	add("arden", st, err)
	st, err = provenance.NewRawStatement(provenance.TypeSLSAProvenance, []byte(chainProvenance), subjects...)
	add("builder", st, err)

	at := time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC)
	grant := provenance.AuthorizationRef{Authority: "us-ddtc", Kind: "dsp-5", Number: "050123456"}
	holder, previous := provenance.PartyID("cage:0ABC1"), provenance.PaperDigest{}
	for hop := range chainHops {
		signer, action := "custodians", provenance.ActionDeliver
		if hop == 0 {
			signer, action = "arden", provenance.ActionExport
		}
		to := provenance.Party{ID: provenance.PartyID(fmt.Sprintf("dns:holder-%d.kestrel.example", hop)), Name: fmt.Sprintf("Kestrel Holding %d Pty Ltd", hop), Country: "AU", Kind: provenance.KindCompany}
		st, err := provenance.NewStatement(&provenance.Transfer{From: holder, To: to, Action: action, Authorizations: []provenance.AuthorizationRef{grant},
			EndUse: "evaluation", Destination: provenance.Place{Country: "AU"}, Copies: 1, At: provenance.NewTime(at), Previous: previous}, subjects...)
		transfer := add(signer, st, err)
		at = at.Add(24 * time.Hour)
		st, err = provenance.NewStatement(&provenance.Acknowledgement{Transfer: provenance.PaperDigest(transfer.Digest()), Party: to.ID, At: provenance.NewTime(at), Intact: true,
			Accepts: []string{provenance.Condition{ID: "3", Text: "The recipient shall not modify or retrain the model."}.Acceptance(grant.Key())}}, subjects...)
		add("custodians", st, err)
		at = at.Add(24 * time.Hour)
		holder, previous = to.ID, provenance.PaperDigest(transfer.Digest())
	}
	st, err = provenance.NewFreeStanding(&provenance.Status{Authority: "us-ddtc", Sequence: 7, ThisUpdate: provenance.NewTime(at), NextUpdate: provenance.NewTime(at.Add(7 * 24 * time.Hour)),
		Entries: []provenance.StatusEntry{
			{Kind: "dsp-5", Number: "050123456", State: provenance.StateActive, Since: provenance.NewTime(at)},
			{Kind: "dsp-5", Number: "050123457", State: provenance.StateActive, Since: provenance.NewTime(at)},
			{Kind: "taa", Number: "1234-26", State: provenance.StateActive, Since: provenance.NewTime(at)},
		}})
	add("us-ddtc", st, err)
	return c
}

// check fails unless every paper was verified.
func (c *chain) check(b testing.TB, e *Evidence) {
	b.Helper()
	if len(e.papers) != len(c.papers) || len(e.papers) != 2*chainHops+3 {
		b.Fatalf("%d papers of %d", len(e.papers), len(c.papers))
	}
	for _, p := range e.papers {
		if p.Err != nil || p.Applies == p.Statement.statement.FreeStanding() {
			b.Fatalf("paper %s of type %s: applies %v, %v", p.Digest, p.Statement.PredicateType(), p.Applies, p.Err)
		}
	}
}

// BenchmarkVerifyChain sets what it costs to authenticate a chain of eight hops
// (19 papers) beside the bare verification of its signatures, one after the
// other: cold is ParseBundle of every paper and Verify, verify is Verify alone,
// signatures is what Sigstore's verifier takes for them, one after the other.
func BenchmarkVerifyChain(b *testing.B) {
	for _, algorithm := range []struct {
		name string
		key  func() crypto.Signer
	}{
		{"P-256", func() crypto.Signer { return newECDSA(b, elliptic.P256()) }},
		{"Ed25519", func() crypto.Signer {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				b.Fatal(err)
			}
			return key
		}},
	} {
		b.Run(algorithm.name, func(b *testing.B) { benchmarkChain(b, newChain(b, algorithm.key)) })
	}
}

func benchmarkChain(b *testing.B, c *chain) {
	var raws [][]byte
	for _, paper := range c.papers {
		raws = append(raws, paper.Bytes())
	}
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			papers := make([]*Bundle, len(raws))
			for i, raw := range raws {
				var err error
				if papers[i], err = ParseBundle(raw); err != nil {
					b.Fatal(err)
				}
			}
			c.check(b, Verify(NewArtifact(c.files, papers...), c.trust))
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		a := NewArtifact(c.files, c.papers...)
		for b.Loop() {
			c.check(b, Verify(a, c.trust))
		}
	})
	b.Run("signatures", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, paper := range c.papers {
				if _, err := c.trust.authenticate(paper); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("raw", func(b *testing.B) {
		b.ReportAllocs()
		payloads, signatures := make([][]byte, len(c.papers)), make([][]byte, len(c.papers))
		for i, paper := range c.papers {
			payloads[i] = paper.payload
			signatures[i] = paper.entity.GetDsseEnvelope().GetSignatures()[0].GetSig()
		}
		for b.Loop() {
			for i := range payloads {
				message := dsse.PAE(provenance.PayloadType, payloads[i])
				ok := false
				switch key := c.keys[i].(type) {
				case *ecdsa.PublicKey:
					digest := sha256.Sum256(message)
					ok = ecdsa.VerifyASN1(key, digest[:], signatures[i])
				case ed25519.PublicKey:
					ok = ed25519.Verify(key, message, signatures[i])
				}
				if !ok {
					b.Fatalf("paper %d: the signature does not verify", i)
				}
			}
		}
	})
}
