package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/provenance"
)

// noticeFlags are the flags of notice.
type noticeFlags struct {
	key, evidence, reason, since, at, bundle string
	days                                     int
}

// maxNoticeDays bounds how long a notice may wait for the next word, in days.
const maxNoticeDays = 3650

func newNotice() *cobra.Command {
	var flags noticeFlags
	c := &cobra.Command{
		Use:   "notice AUTHORIZATION STATE [REF...] --key KEY --evidence FILE [--bundle FILE]",
		Short: "Sign that an authorisation was suspended, as you were told",
		Long: `Signs, on the spot, what you were told outside of any paper, by e-mail or
telephone: that an authorisation is suspended, revoked or exhausted. The paper
is a status with that one entry. It is attached to the artifact at each REF (in
a registry by digest), and with --bundle FILE written as a paper about no
artifact, which any check hears with carnet check --with.

AUTHORIZATION is the key that decisions and papers show:
authority/kind/number, such as us-ddtc/dsp-5/050123456.

KEY is that of a signer to whom the policy gives role recorder. A notice can
only tighten: what rests on that authorisation is refused from then on, and no
notice can allow it again. That takes a status by the authority itself, or by
whoever the policy lets speak in its place.

FILE of --evidence is what you were told: the e-mail as a file, a scan, a note
of the call. Its SHA-256 digest stands in the paper; keep the file.

Each notice has the second of its making for a number, so that a later one has
a higher number: of one authority sign no two in one second. Where the policy
takes a recorder's word for the status of every authorisation (require.status:
signedBy: recorder), a notice of the same key would stand in place of its last
snapshot: sign the next snapshot with carnet attest there.

Prints the digest of each paper and what it does.`,
		Example: `  carnet notice us-ddtc/dsp-5/050123456 suspended --key recorder.key \
    --evidence mail.eml --reason "e-mail of the licensing officer" \
    --bundle suspension.sigstore.json
  carnet notice us-ddtc/dsp-5/050123456 revoked oci-archive:tracker.tar \
    --key recorder.key --evidence letter.pdf --since 2027-05-28T00:00:00Z`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return misuse(c, "found arguments %q, want AUTHORIZATION and STATE", args)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 2 && flags.bundle == "" {
				return misuse(c, "found neither REF nor --bundle, want where the notice goes")
			}
			notice, err := flags.status(c, args[0], args[1])
			if err != nil {
				return err
			}
			return flags.publish(c, notice, args[2:])
		},
	}
	c.Flags().StringVar(&flags.key, "key", "", "private `KEY` of the recorder (required)")
	c.Flags().StringVar(&flags.evidence, "evidence", "", "`FILE` of what you were told (required)")
	c.Flags().StringVar(&flags.reason, "reason", "", "`TEXT` for whoever reads the paper")
	c.Flags().StringVar(&flags.since, "since", "", "`TIME` (RFC 3339) since when, instead of now")
	c.Flags().StringVar(&flags.at, "at", "", "date the notice at this `TIME` (RFC 3339) instead of now")
	c.Flags().IntVar(&flags.days, "days", 30, "`N` days until the next word is due")
	c.Flags().StringVar(&flags.bundle, "bundle", "", "write it as a paper about no artifact to `FILE`")
	required(c, "key", "evidence")
	return c
}

// status is the predicate of the notice.
func (f *noticeFlags) status(c *cobra.Command, authorization, state string) (*provenance.Status, error) {
	authority, rest, _ := strings.Cut(authorization, "/")
	kind, number, ok := strings.Cut(rest, "/") // the number may hold a slash
	if !ok {
		return nil, misuse(c, "found %s, want an authorisation as authority/kind/number, such as us-ddtc/dsp-5/050123456", provenance.Quote(authorization))
	}
	entry := provenance.StatusEntry{Kind: provenance.AuthorizationKind(kind), Number: number, State: provenance.AuthorizationState(state), Reason: f.reason}
	if !entry.State.Tightens() {
		return nil, misuse(c, "found %s, want suspended, revoked or exhausted: a notice can only tighten", provenance.Quote(state))
	}
	if f.days < 1 || f.days > maxNoticeDays {
		return nil, misuse(c, "--days: found %d, want 1 to %d", f.days, maxNoticeDays)
	}
	now, err := timeFlag("--at", f.at, time.Now())
	if err != nil {
		return nil, err
	}
	since, err := timeFlag("--since", f.since, now)
	if err != nil {
		return nil, err
	}
	digest, err := fileDigest(f.evidence)
	if err != nil {
		return nil, err
	}
	entry.Since = provenance.NewTime(since)
	entry.Evidence = []provenance.Evidence{{Type: "notice", SHA256: digest}}
	s := &provenance.Status{
		Authority:  authority,
		Sequence:   now.Unix(), // rises without anybody's memory
		ThisUpdate: provenance.NewTime(now),
		NextUpdate: provenance.NewTime(now.AddDate(0, 0, f.days)),
		Entries:    []provenance.StatusEntry{entry},
	}
	return s, named(authorization, s.Validate())
}

// timeFlag reads the time that a flag gives, to the second, and is otherwise
// where it gives none.
func timeFlag(name, text string, otherwise time.Time) (time.Time, error) {
	t := otherwise
	if text != "" {
		var err error
		if t, err = parseTime(name, text); err != nil {
			return time.Time{}, err
		}
	}
	return t.UTC().Truncate(time.Second), nil
}

// fileDigest returns the SHA-256 digest of a file, however large.
func fileDigest(name string) (provenance.Digest, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() { // reading a pipe would wait for its writer
		err = &os.PathError{Op: "read", Path: name, Err: errors.New("found no regular file, want one")}
	}
	if err != nil {
		return provenance.Digest{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return provenance.Digest{}, err
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, f); err != nil {
		return provenance.Digest{}, err
	} else if n == 0 {
		return provenance.Digest{}, fmt.Errorf("%s: found an empty file, want what you were told", name)
	}
	return provenance.Digest(h.Sum(nil)), nil
}

// publish signs the notice about each artifact, and about none where a file is
// to take it, and puts each where it goes. Everything is signed before anything
// is attached, and the file gets its name last.
func (f *noticeFlags) publish(c *cobra.Command, notice *provenance.Status, refs []string) error {
	about := make([][]provenance.Subject, len(refs))
	for i, ref := range refs {
		var err error
		if about[i], err = subjectsAt(c, ref); err != nil {
			return err
		}
	}
	signer, err := readKey(c, f.key)
	if err != nil {
		return err
	}
	papers := make([]*attest.Bundle, len(refs))
	for i := range refs {
		statement, err := provenance.NewStatement(notice, about[i]...)
		if err != nil {
			return err
		}
		if papers[i], err = attest.Sign(c.Context(), statement, signer); err != nil {
			return err
		}
	}
	var free *attest.Bundle
	var file *pendingFile
	if f.bundle != "" {
		statement, err := provenance.NewFreeStanding(notice)
		if err != nil {
			return err
		}
		if free, err = attest.Sign(c.Context(), statement, signer); err != nil {
			return err
		}
		if file, err = prepareFile(f.bundle, free.Bytes()); err != nil {
			return err
		}
		defer file.discard()
	}
	for i, ref := range refs {
		if _, err := attest.Attach(c.Context(), ref, papers[i]); err != nil {
			if i > 0 {
				err = fmt.Errorf("%w (attached to %s already)", err, strings.Join(refs[:i], ", "))
			}
			return err
		}
	}
	if file != nil {
		if err := file.commit(); err != nil {
			return err
		}
	}
	f.report(c.OutOrStdout(), notice, refs, papers, free)
	return nil
}

// report says in plain words what was signed, and what comes of it.
func (f *noticeFlags) report(w io.Writer, notice *provenance.Status, refs []string, papers []*attest.Bundle, free *attest.Bundle) {
	if free != nil {
		fmt.Fprintf(w, "paper %s\nin %s, about no artifact: carnet check --with\n", free.Digest().OCI(), clean(f.bundle))
	}
	for i, ref := range refs {
		fmt.Fprintf(w, "paper %s\nattached to %s\n", papers[i].Digest().OCI(), clean(ref))
	}
	entry := notice.Entries[0]
	fmt.Fprintf(w, "evidence sha256:%s\nof %s; keep the file\n", entry.Evidence[0].SHA256, clean(f.evidence))
	fmt.Fprintf(w, "\n%s\n", wrapped(textWidth, "", fmt.Sprintf("It says that %s is %s. Where the policy knows this key as a recorder's, a check that gets the paper "+
		"refuses what rests on that authorisation, and later checks remember it. It can only tighten: nothing becomes permitted by it, "+
		"and only a status by the authority, or by whoever the policy lets speak in its place, ends it. The next word is due by %s.",
		entry.Key(notice.Authority), entryText(entry), notice.NextUpdate)))
}
