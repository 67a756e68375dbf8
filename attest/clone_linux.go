package attest

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// cloneFile makes dst share the bytes of src, until one of them is changed. Some
// file systems can (Btrfs, XFS, bcachefs; not ext4), for files of their own.
func cloneFile(dst, src *os.File) error {
	to, err := dst.SyscallConn()
	if err != nil {
		return err
	}
	from, err := src.SyscallConn()
	if err != nil {
		return err
	}
	var outer, inner, failed error
	outer = to.Control(func(dst uintptr) {
		inner = from.Control(func(src uintptr) { failed = unix.IoctlFileClone(int(dst), int(src)) })
	})
	return errors.Join(outer, inner, failed)
}
