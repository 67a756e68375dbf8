//go:build !linux

package attest

import (
	"errors"
	"os"
)

// cloneFile is not offered here.
func cloneFile(_, _ *os.File) error { return errors.ErrUnsupported }
