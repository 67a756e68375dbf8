// Package attest says who said it: it signs Statements, carries them with the
// artifact they are about, and verifies them against the signers that a
// recipient trusts.
//
// A vendor calls [Pack], which turns a folder into one OCI artifact with its
// signed papers inside, in a registry, an OCI layout, an OCI archive or the
// folder itself; [Attach] adds papers later, also to an image or an image index
// that another tool built. A recipient calls [Open], which resolves a name to a
// digest once and yields the artifact's subject and its papers, and [Verify],
// which authenticates the papers; of a model that was made from others
// [Ancestors] finds those, with theirs. [Unpack] writes the files, each verified
// while it is written. [Copy] takes an artifact elsewhere, with its papers.
// [SignModel] and [VerifyModel] speak the format of OpenSSF Model Signing, for
// models that other tools sign and verify.
//
// # What it does not prove
//
// A [VerifiedStatement] proves that the holder of a key that the recipient
// named signed those bytes, nothing more: not that the signer was entitled to
// say so, not when it was signed, not that it is still so. Package policy
// judges that. An [Artifact] that was opened from a registry, a layout or an
// archive is known by the digests in its manifest; its files are verified when
// they are read or unpacked.
//
// # Large models
//
// Every byte of a file is read once and hashed while it is stored, sent or
// written; several files are in work at a time, as many as the processors, the
// disk or the registry are good for. Memory does not depend on their size. A
// transfer from a registry that breaks is taken up where it broke, within a call,
// and by the next call after a *[PartialError]; what is there already is hashed
// again. [WithProgress] tells how far a call has come. When the context of a call
// ends, the call returns soon, and nothing can be seen under a final name of what
// was not finished. Nor can after a crash; files whose names begin with
// ".carnet-tmp-" or ".carnet-part-" may then lie about, and may be removed when
// no call is at work there.
//
// # Compatibility
//
// Papers are Sigstore bundles v0.3 with a DSSE envelope around an in-toto
// Statement; Cosign verifies them. Artifacts are OCI image manifests v1.1;
// models follow CNCF ModelPack. Model signatures are those of OpenSSF Model
// Signing v1.0. What this version writes, later versions of the same major
// number read.
package attest
