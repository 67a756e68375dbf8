package attest

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriting has a part of a file that was just written brought to the disk,
// and waits for the part of the same length before it, so that there is never
// much to wait for. It is a hint: whether the bytes are there, Sync tells.
func startWriting(f *os.File, offset, n int64) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = unix.SyncFileRange(int(fd), offset, n, unix.SYNC_FILE_RANGE_WRITE)
		if before := max(offset-n, 0); before < offset {
			_ = unix.SyncFileRange(int(fd), before, offset-before, unix.SYNC_FILE_RANGE_WAIT_BEFORE)
		}
	})
}
