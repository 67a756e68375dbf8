package attest

import (
	"crypto/x509"
)

const (
	pemCertificate  = "CERTIFICATE"
	certificateName = "certificate"
)

// ParseCertificate reads a certificate file: one PEM block "CERTIFICATE" (RFC
// 7468 section 5), at most [MaxKeySize] bytes, with nothing around it but white
// space. Anything else, a chain of certificates among it, and a certificate of a
// key that [ParsePublicKey] would refuse, is a [*KeyError].
func ParseCertificate(data []byte) (*x509.Certificate, error) {
	block, err := readPEM(certificateName, pemCertificate, data)
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &KeyError{Object: certificateName, Found: "a PEM block that holds none", Wanted: "X.509 in DER (RFC 5280)", Err: err}
	}
	if _, err := CertifiedKey(c); err != nil {
		return nil, err
	}
	return c, nil
}

// CertifiedKey returns the public key that a certificate is about. The errors are
// those of [NewPublicKey].
func CertifiedKey(c *x509.Certificate) (*PublicKey, error) {
	if c == nil {
		return nil, &KeyError{Object: certificateName, Found: "none", Wanted: acceptedKeys}
	}
	return newPublicKey(certificateName, c.PublicKey)
}
