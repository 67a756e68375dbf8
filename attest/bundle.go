package attest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/carnet-dev/carnet/provenance"
)

// BundleMediaType is the media type of a paper: a Sigstore bundle v0.3.
const BundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// MaxBundleSize bounds a bundle, in bytes: each is held in memory whole before
// anything about its origin is known.
const MaxBundleSize = 6 << 20

// Bundle is a paper as it travels: a Statement in a DSSE envelope with one
// signature, in a Sigstore bundle v0.3. Nothing in it is verified; [Verify]
// does that. A Bundle is immutable.
type Bundle struct {
	raw     []byte
	entity  *bundle.Bundle
	hint    string // whose key the bundle says it was; a hint, never trusted
	payload []byte
	digest  provenance.Digest
}

// BundleError is returned for bytes that are not a paper.
type BundleError struct {
	Found, Wanted string
	Err           error // the cause, where there is one
}

// Error says what was found and what was wanted.
func (e *BundleError) Error() string {
	text := "attest: bundle: found " + e.Found + ", want " + e.Wanted
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *BundleError) Unwrap() error { return e.Err }

// ParseBundle reads a paper. It wants exactly a Sigstore bundle v0.3 that holds
// a DSSE envelope with payload type application/vnd.in-toto+json and one
// signature, in at most 6 MiB, and fails with a [*BundleError]. The payload is
// not looked at.
func ParseBundle(data []byte) (*Bundle, error) {
	return parseBundle(data, MaxBundleSize, protojson.Unmarshal)
}

// parseBundle reads a bundle of at most limit bytes as unmarshal understands it.
func parseBundle(data []byte, limit int, unmarshal func([]byte, proto.Message) error) (*Bundle, error) {
	if len(data) > limit {
		return nil, &BundleError{Found: fmt.Sprintf("%d bytes", len(data)), Wanted: fmt.Sprintf("at most %d", limit)}
	}
	message, ok := parsePlain(data)
	if !ok {
		// protojson takes a field under two names for two fields; this does not.
		if !jsontext.Value(data).IsValid() {
			return nil, &BundleError{Found: "bytes that are not one JSON value with each name once", Wanted: "a Sigstore bundle in JSON"}
		}
		message = new(protobundle.Bundle)
		if err := unmarshal(data, message); err != nil {
			return nil, &BundleError{Found: "JSON of another form", Wanted: "a Sigstore bundle", Err: err}
		}
	}
	if message.GetMediaType() != BundleMediaType {
		return nil, &BundleError{Found: "media type " + provenance.Quote(message.GetMediaType()), Wanted: BundleMediaType}
	}
	return newBundle(slices.Clone(data), message)
}

// plainBundle is a bundle as Sign writes it, and Cosign without a log: an
// envelope and the hint of a key.
type plainBundle struct {
	MediaType            string `json:"mediaType"`
	VerificationMaterial struct {
		PublicKey *struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
	} `json:"verificationMaterial"`
	DSSEEnvelope *struct {
		Payload     []byte `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []*struct {
			Sig   []byte `json:"sig"`
			KeyID string `json:"keyid"`
		} `json:"signatures"`
	} `json:"dsseEnvelope"`
}

// parsePlain reads a plain bundle in one pass, several times faster than
// protojson. It accepts nothing that protojson does not, and reads nothing
// otherwise (FuzzParseBundle); whatever else there is, it leaves to protojson.
func parsePlain(data []byte) (*protobundle.Bundle, bool) {
	var p plainBundle
	if err := json.Unmarshal(data, &p, json.RejectUnknownMembers(true)); err != nil || p.VerificationMaterial.PublicKey == nil || p.DSSEEnvelope == nil {
		return nil, false
	}
	envelope := &protodsse.Envelope{Payload: p.DSSEEnvelope.Payload, PayloadType: p.DSSEEnvelope.PayloadType}
	for _, s := range p.DSSEEnvelope.Signatures {
		if s == nil {
			return nil, false
		}
		envelope.Signatures = append(envelope.Signatures, &protodsse.Signature{Sig: s.Sig, Keyid: s.KeyID})
	}
	return plainMessage(p.MediaType, p.VerificationMaterial.PublicKey.Hint, envelope), true
}

// plainMessage returns the bundle of an envelope that a key signed.
func plainMessage(mediaType, hint string, envelope *protodsse.Envelope) *protobundle.Bundle {
	return &protobundle.Bundle{
		MediaType: mediaType,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: hint}},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: envelope},
	}
}

func newBundle(raw []byte, message *protobundle.Bundle) (*Bundle, error) {
	entity, err := bundle.NewBundle(message, bundle.AllowCertificateChain())
	if err != nil {
		return nil, &BundleError{Found: "an incomplete bundle", Wanted: "verification material and a DSSE envelope", Err: err}
	}
	envelope := message.GetDsseEnvelope()
	switch {
	case envelope == nil:
		return nil, &BundleError{Found: "a signature without a statement", Wanted: "a DSSE envelope"}
	case envelope.GetPayloadType() != provenance.PayloadType:
		return nil, &BundleError{Found: "payload type " + provenance.Quote(envelope.GetPayloadType()), Wanted: provenance.PayloadType}
	case len(envelope.GetSignatures()) != 1:
		// "A DSSE envelope in a Sigstore bundle MUST only contain one signature"
		return nil, &BundleError{Found: fmt.Sprintf("%d signatures", len(envelope.GetSignatures())), Wanted: "exactly one"}
	}
	return &Bundle{
		raw:     raw,
		entity:  entity,
		hint:    message.GetVerificationMaterial().GetPublicKey().GetHint(),
		payload: envelope.GetPayload(),
		digest:  sha256.Sum256(envelope.GetPayload()),
	}, nil
}

// Bytes returns the bundle's JSON, byte for byte as it was read or made.
func (b *Bundle) Bytes() []byte { return slices.Clone(b.raw) }

// Digest returns the SHA-256 digest of the payload, by which papers refer to
// one another and decisions to papers. Two signers may sign one payload.
func (b *Bundle) Digest() provenance.Digest { return b.digest }

// UnverifiedStatement returns what the paper says without having checked who
// says so. Use it to show a paper, never to decide anything.
func (b *Bundle) UnverifiedStatement() (*provenance.Statement, error) {
	return provenance.ParseStatement(b.payload)
}

// Sign returns statement as a paper signed by signer: the DSSE signature over
// the statement's canonical bytes. The context bounds a signer that asks a
// remote key service.
func Sign(ctx context.Context, statement *provenance.Statement, signer *Signer) (*Bundle, error) {
	payload, err := statement.Marshal()
	if err != nil {
		return nil, err
	}
	return signPayload(ctx, payload, signer, signer.PublicKey().Hint())
}

// signPayload returns payload, a statement, as a paper whose bundle names the
// signer's key by hint.
func signPayload(ctx context.Context, payload []byte, signer *Signer, hint string) (*Bundle, error) {
	signature, err := signer.sign(ctx, dsse.PAE(provenance.PayloadType, payload))
	if err != nil {
		return nil, err
	}
	message := plainMessage(BundleMediaType, hint, &protodsse.Envelope{
		Payload:     payload,
		PayloadType: provenance.PayloadType,
		Signatures:  []*protodsse.Signature{{Sig: signature}},
	})
	raw, err := protojson.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("attest: bundle: %w", err)
	}
	// protojson varies its white space on purpose; equal papers have equal bytes.
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return nil, fmt.Errorf("attest: bundle: %w", err)
	}
	return newBundle(value, message)
}

// hintOf decodes a key hint as Cosign writes it, base64 of the SHA-256 digest
// of the key, for display.
func hintOf(hint string) string {
	digest, err := base64.StdEncoding.DecodeString(hint)
	if err != nil || len(digest) != sha256.Size {
		return provenance.Quote(hint)
	}
	return fmt.Sprintf("SHA256:%x", digest)
}
