// Package provenance says what an AI model or a program is, and what may be
// said of it: digests, the manifest of files and its root, in-toto Statements,
// and the export-control predicates that Carnet adds to in-toto's vocabulary.
//
// A release tool starts with [Scan], which hashes a folder into a [Manifest],
// and [NewStatement], which puts a [Declaration] about its root into a
// Statement; package attest signs that. What happens after the transfer is said
// in papers of the same kind ([Grant], [Status], [Transfer], [Acknowledgement],
// [Derivation], [Ruling]); those that are about no artifact start with
// [NewFreeStanding]. A reader starts with [ParseStatement] and
// [Statement.ParsePredicate].
//
// # What it does not prove
//
// Nothing here checks a signature, asks a network or knows whom to trust: a
// Statement that parses says only that somebody wrote it. A classification code
// that parses is well formed, not right. No function of this package makes a
// jurisdiction, classification or licensing determination.
//
// # Compatibility
//
// Predicate types, field names and the root's construction are frozen: bytes
// that this version signs are read by every later version of the same major
// number, and a change of meaning gets a new predicate type.
package provenance
