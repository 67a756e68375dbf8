package policytest

import (
	"fmt"
	"io/fs"
	"path"
)

// Option changes how [Load] reads a case.
type Option func(*Case) error

// WithPolicy has the case decided under the policy file called name in fsys,
// with the rules and data that lie there. A case that brings a policy of its
// own, or has one in its base, is refused: it would say nothing of this one.
// The default is the case's own.
func WithPolicy(fsys fs.FS, name string) Option {
	return func(c *Case) error {
		dir, base := path.Split(name)
		if dir != "" {
			sub, err := fs.Sub(fsys, path.Clean(dir))
			if err != nil {
				return err
			}
			fsys = sub
		}
		data, err := fs.ReadFile(fsys, base)
		if err != nil {
			return err
		}
		if _, ok := c.parts[policyFile]; ok {
			return fmt.Errorf("part %s: found one, want none in a case that is decided under another policy", policyFile)
		}
		c.parts[policyFile], c.beside = data, fsys
		return nil
	}
}
