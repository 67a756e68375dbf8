//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package attest

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// lockFile takes the lock of an open file or folder, until that is closed or the
// process ends. The error is errLocked or errors.ErrUnsupported.
func lockFile(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// lockShared takes a lock that others may share, and that lockFile turns into one
// that nobody shares. Its errors are the same.
func lockShared(f *os.File) error { return flock(f, syscall.LOCK_SH) }

func flock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) { failed = syscall.Flock(int(fd), how|syscall.LOCK_NB) })
	switch {
	case err != nil:
		return err
	case errors.Is(failed, syscall.EWOULDBLOCK):
		return errLocked
	case failed != nil:
		return errors.ErrUnsupported
	}
	return nil
}

// ownFile reports whether a file belongs to this user, who alone may write to
// it, under this name alone: what another user left under a name that can be
// guessed is not gone on with.
func ownFile(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0 && (info.IsDir() || stat.Nlink == 1)
}
