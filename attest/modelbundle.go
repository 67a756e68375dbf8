package attest

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// MaxModelSignatureSize bounds a model signature, in bytes: it is held in memory
// whole before anything about its origin is known. A payload of
// [provenance.MaxModelPayload] fits in.
const MaxModelSignatureSize = 33 << 20

// parseModelBundle reads a model signature: what [ParseBundle] takes, but
// larger, and also as it was written before v1.1, when the bundle held the
// signer's key in members that no Sigstore bundle has. Those are dropped: a
// bundle brings no trust along.
func parseModelBundle(data []byte) (*Bundle, error) {
	b, err := parseBundle(data, MaxModelSignatureSize, unmarshalModelBundle)
	if err != nil {
		return nil, err
	}
	material := b.entity.GetVerificationMaterial()
	switch {
	case len(b.payload) == 0:
		return nil, &BundleError{Found: "an empty payload", Wanted: "a statement"}
	case len(b.entity.GetDsseEnvelope().GetSignatures()[0].GetSig()) == 0:
		return nil, &BundleError{Found: "an empty signature", Wanted: "one"}
	case material.GetCertificate() != nil && len(material.GetTlogEntries()) == 0:
		return nil, &BundleError{Found: "a certificate of Sigstore without an entry of a log", Wanted: "at least one (§4.1)"}
	}
	return b, nil
}

func unmarshalModelBundle(data []byte, message proto.Message) error {
	err := protojson.Unmarshal(data, message)
	if err == nil {
		return nil
	}
	if older, ok := withoutRawKey(data); ok && protojson.Unmarshal(older, message) == nil {
		return nil
	}
	return err
}

// withoutRawKey returns the bundle without the two members that signatures had
// in verificationMaterial.publicKey before v1.1.
func withoutRawKey(data []byte) ([]byte, bool) {
	type object = map[string]jsontext.Value
	var bundle, material, key object
	if json.Unmarshal(data, &bundle) != nil ||
		json.Unmarshal(bundle["verificationMaterial"], &material) != nil ||
		json.Unmarshal(material["publicKey"], &key) != nil || key["rawBytes"] == nil {
		return nil, false
	}
	delete(key, "rawBytes")
	delete(key, "keyDetails")
	var err error
	if material["publicKey"], err = json.Marshal(key); err != nil {
		return nil, false
	}
	if bundle["verificationMaterial"], err = json.Marshal(material); err != nil {
		return nil, false
	}
	out, err := json.Marshal(bundle)
	return out, err == nil
}
