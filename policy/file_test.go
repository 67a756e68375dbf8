package policy_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carnet-dev/carnet/attest"
	"github.com/carnet-dev/carnet/policy"
	"github.com/carnet-dev/carnet/provenance"
)

const (
	goodPolicy = `
carnet: policy/v1
name: Kestrel intake
signers:
  - {name: arden, roles: [exporter, producer], parties: ["cage:0ABC1"], key: keys/arden.pub}
require:
  declaration: {role: exporter, threshold: 1}
`
	goodRule = `forbid (principal, action, resource) when { context.endUse == "x" };` + "\n"
)

func TestLoad(t *testing.T) {
	pol, err := policy.Load(files(t, goodPolicy+"rules: [rules/national.cedar]\n", map[string]string{"rules/national.cedar": goodRule}), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if pol.Name() != "Kestrel intake" || pol.Trust() == nil || pol.Digest().IsZero() {
		t.Errorf("found name %q, trust %v, digest %s, want all three", pol.Name(), pol.Trust(), pol.Digest())
	}
}

// TestLoadBelow: paths are relative to the policy file's folder.
func TestLoadBelow(t *testing.T) {
	fsys := fstest.MapFS{}
	for name, f := range files(t, goodPolicy, nil) {
		fsys["intake/kestrel/"+name] = f
	}
	pol, err := policy.Load(fsys, "intake/kestrel/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	same, err := policy.Load(files(t, goodPolicy, nil), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if pol.Digest() != same.Digest() {
		t.Errorf("found digest %s, want that of the same files elsewhere, %s", pol.Digest(), same.Digest())
	}
}

// TestLoadJSON: a policy may be JSON; it has other bytes, so another digest.
func TestLoadJSON(t *testing.T) {
	raw, err := provenance.FromYAML("policy", []byte(goodPolicy))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Load(files(t, string(raw), nil), "policy.yaml"); err != nil {
		t.Error(err)
	}
}

// TestLoadRefuses: what is wrong with the policy file is told field by field.
func TestLoadRefuses(t *testing.T) {
	replace := func(old, new string) string {
		t.Helper()
		if !strings.Contains(goodPolicy, old) {
			t.Fatalf("the good policy does not contain %q", old)
		}
		return strings.Replace(goodPolicy, old, new, 1)
	}
	for name, c := range map[string]struct {
		policy string
		field  string // of the FieldError; "*" for any
	}{
		"nothing":                  {"", ""},
		"white space":              {" \n\n", ""},
		"a list":                   {"[]", "*"},
		"a word":                   {"carnet", "*"},
		"two documents":            {goodPolicy + "---\n" + goodPolicy, ""},
		"half a document":          {goodPolicy[:len(goodPolicy)-20] + "{", ""},
		"duplicate field":          {goodPolicy + "name: again\n", "*"},
		"unknown field":            {goodPolicy + "comment: hello\n", "comment"},
		"field in another case":    {goodPolicy + "Rules: []\n", "Rules"},
		"alias":                    {replace("{role: exporter, threshold: 1}", "&d {role: exporter}") + "x: *d\n", "*"},
		"not UTF-8":                {goodPolicy + "# \xff\n", "*"},
		"other version":            {replace("policy/v1", "policy/v2"), "carnet"},
		"no version":               {replace("carnet: policy/v1", ""), "carnet"},
		"no name":                  {replace("Kestrel intake", `""`), "name"},
		"name with an escape":      {replace("Kestrel intake", `"Kestrel\e[2J"`), "name"},
		"long name":                {replace("Kestrel intake", strings.Repeat("x", 257)), "name"},
		"no signers":               {replace("  - {name: arden, roles: [exporter, producer], parties: [\"cage:0ABC1\"], key: keys/arden.pub}", ""), "signers"},
		"signer without name":      {replace("name: arden", `name: ""`), "signers[0].name"},
		"signer named with space":  {replace("name: arden", `name: "arden "`), "signers[0].name"},
		"signer without roles":     {replace("roles: [exporter, producer], ", ""), "signers[0].roles"},
		"unknown role":             {replace("producer]", "admin]"), "signers[0].roles"},
		"role in capitals":         {replace("producer]", "Producer]"), "signers[0].roles"},
		"party without scheme":     {replace("cage:0ABC1", "0ABC1"), "signers[0].parties"},
		"party in lower case":      {replace("cage:0ABC1", "cage:0abc1"), "signers[0].parties"},
		"no parties":               {replace(`parties: ["cage:0ABC1"], `, ""), "signers[0].parties"},
		"no key":                   {replace(", key: keys/arden.pub", ""), "signers[0].key"},
		"unknown in signer":        {replace("key: keys", "identity: x, key: keys"), "signers[0].identity"},
		"authority without any":    {replace("[exporter, producer]", "[exporter, licensing-authority]"), "signers[0].authorizes"},
		"authority without name":   {replace("[exporter, producer]", `[exporter, licensing-authority], authorizes: [""]`), "signers[0].authorizes"},
		"times the wrong way":      {replace("key: keys", "notBefore: 2028-01-01T00:00:00Z, notAfter: 2027-01-01T00:00:00Z, key: keys"), "signers[0].notAfter"},
		"time with an offset":      {replace("key: keys", "notBefore: 2028-01-01T00:00:00+01:00, key: keys"), "signers[0].notBefore"},
		"no requirements":          {replace("  declaration: {role: exporter, threshold: 1}", ""), "require"},
		"empty requirements":       {replace("require:\n  declaration: {role: exporter, threshold: 1}", "require: {}"), "require"},
		"unknown requirement":      {goodPolicy + "  origin: {}\n", "require.origin"},
		"status with no age":       {goodPolicy + "  status: {maxAge: 0s}\n", "require.status.maxAge"},
		"status with an age of -1": {goodPolicy + "  status: {maxAge: -1h}\n", "require.status.maxAge"},
		"status with days":         {goodPolicy + "  status: {maxAge: 7d}\n", "require.status.maxAge"},
		"grace for nothing known":  {goodPolicy + "  status: {grace: {deploy: 24h}}\n", "require.status.grace"},
		"grace of less":            {goodPolicy + "  status: {grace: {use: -1h}}\n", "require.status.grace.use"},
		"status by the exporter":   {goodPolicy + "  status: {signedBy: exporter}\n", "require.status.signedBy"},
		"empty status":             {goodPolicy + "  status:\n", "require.status"},
		"empty custody":            {goodPolicy + "  custody:\n", "require.custody"},
		"empty lineage":            {goodPolicy + "  lineage:\n", "require.lineage"},
		"custody without receipts": {goodPolicy + "  custody: {acknowledged: false}\n", "require.custody.acknowledged"},
		"custody in capitals":      {goodPolicy + "  custody: {acknowledged: Witnessed}\n", "require.custody.acknowledged"},
		"custody as text":          {goodPolicy + "  custody: {acknowledged: \"true\"}\n", "require.custody.acknowledged"},
		"lineage of something":     {goodPolicy + "  lineage: {parents: true}\n", "require.lineage.parents"},
		"adjudicator for nobody":   {replace(`producer], parties: ["cage:0ABC1"]`, "adjudicator]"), "signers[0].parties"},
		"identity without id":      {goodPolicy + "identities: [{same: [\"gov:au/x\"]}]\n", "identities[0]"},
		"unknown in an identity":   {goodPolicy + "identities: [{id: \"gov:au/x\", unit: []}]\n", "identities[0].unit"},
		"rulings of nothing":       {goodPolicy + "rulings: {codes: []}\n", "rulings.codes"},
		"rulings without codes":    {goodPolicy + "rulings: {}\n", "rulings.codes"},
		"rulings on a denial":      {goodPolicy + "rulings: {codes: [expired]}\n", "rulings.codes[0]"},
		"rulings on a signature":   {goodPolicy + "rulings: {codes: [time-untrusted, untrusted-signer]}\n", "rulings.codes[1]"},
		"rulings on the artifact":  {goodPolicy + "rulings: {codes: [subject-mismatch]}\n", "rulings.codes[0]"},
		"rulings on faulty rules":  {goodPolicy + "rulings: {codes: [rule-error]}\n", "rulings.codes[0]"},
		"a ruling code twice":      {goodPolicy + "rulings: {codes: [time-untrusted, time-untrusted]}\n", "rulings.codes[1]"},
		"data named with capitals": {goodPolicy + "data: {EAR: {file: x.json}}\n", "data"},
		"data with an age of none": {goodPolicy + "data: {ear-country-groups: {maxAge: 0s}}\n", "data.ear-country-groups.maxAge"},
		"data with a day alone":    {goodPolicy + "data: {ear-country-groups: {asOf: 2027-01-01}}\n", "data.ear-country-groups.asOf"},
		"threshold 0":              {replace("threshold: 1", "threshold: 0"), "require.declaration.threshold"},
		"threshold -1":             {replace("threshold: 1", "threshold: -1"), "require.declaration.threshold"},
		"threshold 101":            {replace("threshold: 1", "threshold: 101"), "require.declaration.threshold"},
		"threshold 1.5":            {replace("threshold: 1", "threshold: 1.5"), "require.declaration.threshold"},
		"threshold as text":        {replace("threshold: 1", `threshold: "1"`), "require.declaration.threshold"},
		"declared by a custodian":  {replace("{role: exporter, ", "{role: custodian, "), "require.declaration.role"},
		"provenance by nobody":     {goodPolicy + "  provenance: {}\n", "require.provenance.role"},
		"provenance by a person":   {goodPolicy + "  provenance: {role: engineer}\n", "require.provenance.role"},
		"signed by a custodian":    {goodPolicy + "  authorization: {signedBy: custodian}\n", "require.authorization.signedBy"},
		"signed by somebody":       {goodPolicy + "  authorization: {signedBy: somebody}\n", "require.authorization.signedBy"},
		"65 files of rules":        {goodPolicy + "rules: [" + strings.Repeat("a.cedar, ", 64) + "b.cedar]\n", "rules"},
		"the core's name":          {goodPolicy + "rules: [core.cedar]\n", "rules[0]"},
		"rules in one word":        {goodPolicy + "rules: national.cedar\n", "rules"},
		"JSON with a byte after":   {`{"carnet":"policy/v1"}x`, "*"},
	} {
		t.Run(name, func(t *testing.T) {
			pol, err := policy.Load(files(t, c.policy, map[string]string{"a.cedar": goodRule, "core.cedar": goodRule}), "policy.yaml")
			var file *policy.FileError
			var invalid *provenance.InvalidError
			if pol != nil || !errors.As(err, &file) || file.File != "policy.yaml" || !errors.As(err, &invalid) {
				t.Fatalf("found %v, want a FileError of policy.yaml around an InvalidError", err)
			}
			if c.field != "*" && !slices.ContainsFunc(invalid.Fields, func(f *provenance.FieldError) bool { return f.Field == c.field }) {
				t.Errorf("found %v, want field %q", errors.Join(invalid.Unwrap()...), c.field)
			}
		})
	}
}

// TestLoadRefusesFiles: what is wrong with a file that the policy names, or
// with its name.
func TestLoadRefusesFiles(t *testing.T) {
	withRules := func(names string) string { return goodPolicy + "rules: [" + names + "]\n" }
	withKey := func(key string) string { return strings.Replace(goodPolicy, "keys/arden.pub", key, 1) }
	key := string(signerNamed(t, "arden").PublicKey().MarshalPEM())
	var path *provenance.PathError
	var keyErr *attest.KeyError
	var trust *attest.TrustError
	for name, c := range map[string]struct {
		policy string
		more   map[string]string
		file   string
		target any // for errors.As, or the error for errors.Is
	}{
		"no such rules":            {withRules("national.cedar"), nil, "national.cedar", fs.ErrNotExist},
		"rules above":              {withRules("../national.cedar"), nil, "../national.cedar", &path},
		"rules absolute":           {withRules("/etc/national.cedar"), nil, "/etc/national.cedar", &path},
		"rules through a parent":   {withRules("keys/../../national.cedar"), nil, "keys/../../national.cedar", &path},
		"rules with a backslash":   {withRules(`'..\national.cedar'`), nil, `..\national.cedar`, &path},
		"rules without a name":     {withRules(`""`), nil, "", &path},
		"rules like an option":     {withRules("-n.cedar"), nil, "-n.cedar", &path},
		"rules among papers":       {withRules(".carnet/n.cedar"), map[string]string{".carnet/n.cedar": goodRule}, ".carnet/n.cedar", &path},
		"rules are a folder":       {withRules("keys"), nil, "keys", nil},
		"rules too large":          {withRules("n.cedar"), map[string]string{"n.cedar": goodRule + strings.Repeat(" ", 1<<20)}, "n.cedar", nil},
		"rules twice":              {withRules("n.cedar, n.cedar"), map[string]string{"n.cedar": goodRule}, "policy.yaml", &path},
		"rules in two cases":       {withRules("n.cedar, N.cedar"), map[string]string{"n.cedar": goodRule, "N.cedar": goodRule}, "policy.yaml", &path},
		"key above":                {withKey("../arden.pub"), nil, "../arden.pub", &path},
		"no such key":              {withKey("keys.pub"), nil, "keys.pub", fs.ErrNotExist},
		"key is no key":            {withKey("arden.txt"), map[string]string{"arden.txt": "arden"}, "arden.txt", &keyErr},
		"two keys in a file":       {withKey("arden.txt"), map[string]string{"arden.txt": key + key}, "arden.txt", &keyErr},
		"key too large":            {withKey("arden.txt"), map[string]string{"arden.txt": key + strings.Repeat("\n", 1<<17)}, "arden.txt", &keyErr},
		"other fingerprint":        {strings.Replace(goodPolicy, "key: k", "fingerprint: SHA256:"+strings.Repeat("ab", 32)+", key: k", 1), nil, "keys/arden.pub", nil},
		"half a fingerprint":       {strings.Replace(goodPolicy, "key: k", "fingerprint: SHA256:abcd, key: k", 1), nil, "policy.yaml", &keyErr},
		"one key, two signers":     {strings.Replace(goodPolicy, "require:", `  - {name: night, roles: [producer], key: keys/arden.pub}`+"\nrequire:", 1), nil, "policy.yaml", &trust},
		"one key, two files":       {strings.Replace(goodPolicy, "require:", `  - {name: night, roles: [producer], key: night.txt}`+"\nrequire:", 1), map[string]string{"night.txt": "\n" + key}, "policy.yaml", &trust},
		"one name, two keys":       {strings.Replace(goodPolicy, "require:", `  - {name: arden, roles: [producer], key: keys/night.pub}`+"\nrequire:", 1), nil, "policy.yaml", &trust},
		"the policy as its rules":  {withRules("policy.yaml"), nil, "", nil},
		"the policy as a key":      {withKey("policy.yaml"), nil, "policy.yaml", &keyErr},
		"the policy by a long way": {withRules("./n.cedar"), map[string]string{"n.cedar": goodRule}, "./n.cedar", &path},
	} {
		t.Run(name, func(t *testing.T) {
			pol, err := policy.Load(files(t, c.policy, c.more), "policy.yaml")
			if err == nil || pol != nil {
				t.Fatalf("found a policy, want an error")
			}
			if file := (*policy.FileError)(nil); c.file != "" && (!errors.As(err, &file) || file.File != c.file) {
				t.Errorf("found %v, want a FileError of %s", err, c.file)
			}
			switch target := c.target.(type) {
			case nil:
			case error:
				if !errors.Is(err, target) {
					t.Errorf("found %v, want %v", err, target)
				}
			default:
				if !errors.As(err, target) {
					t.Errorf("found %v, want %T", err, target)
				}
			}
		})
	}
}

// TestLoadRefusesSpecialFiles: a pipe or a device is not even opened, which
// could take for ever.
func TestLoadRefusesSpecialFiles(t *testing.T) {
	for _, mode := range []fs.FileMode{fs.ModeNamedPipe, fs.ModeDevice, fs.ModeSocket, fs.ModeDir} {
		for _, name := range []string{"policy.yaml", "n.cedar", "keys/arden.pub"} {
			fsys := files(t, goodPolicy+"rules: [n.cedar]\n", map[string]string{"n.cedar": goodRule})
			fsys[name].Mode = mode
			var file *policy.FileError
			if pol, err := policy.Load(fsys, "policy.yaml"); pol != nil || !errors.As(err, &file) || file.File != name {
				t.Errorf("%s of mode %s: found %v, want a FileError", name, mode, err)
			}
		}
	}
}

// TestLoadRefusesArguments: nothing to load is an error, never a panic.
func TestLoadRefusesArguments(t *testing.T) {
	fsys := files(t, goodPolicy, nil)
	for name, load := range map[string]func() (*policy.Policy, error){
		"no file system":   func() (*policy.Policy, error) { return policy.Load(nil, "policy.yaml") },
		"no name":          func() (*policy.Policy, error) { return policy.Load(fsys, "") },
		"the folder":       func() (*policy.Policy, error) { return policy.Load(fsys, ".") },
		"a folder":         func() (*policy.Policy, error) { return policy.Load(fsys, "keys/") },
		"above":            func() (*policy.Policy, error) { return policy.Load(fsys, "../policy.yaml") },
		"absolute":         func() (*policy.Policy, error) { return policy.Load(fsys, "/policy.yaml") },
		"not there":        func() (*policy.Policy, error) { return policy.Load(fsys, "intake.yaml") },
		"no file":          func() (*policy.Policy, error) { return policy.LoadFile("") },
		"a folder on disk": func() (*policy.Policy, error) { return policy.LoadFile(t.TempDir()) },
		"not on disk": func() (*policy.Policy, error) {
			return policy.LoadFile(filepath.Join(t.TempDir(), "no", "policy.yaml"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var file *policy.FileError
			if pol, err := load(); pol != nil || !errors.As(err, &file) {
				t.Errorf("found %v, %v, want a FileError", pol, err)
			}
		})
	}
}

// write writes a policy's folder to the disk.
func write(t *testing.T, fsys fstest.MapFS) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "intake"), fsys); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "intake")
}

func TestLoadFile(t *testing.T) {
	dir := write(t, files(t, goodPolicy, nil))
	pol, err := policy.LoadFile(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	same, err := policy.Load(files(t, goodPolicy, nil), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if pol.Digest() != same.Digest() {
		t.Errorf("found digest %s, want %s", pol.Digest(), same.Digest())
	}
}

// TestLoadFileLinks: a link may stand for a file of the folder, and never lead
// out of it.
func TestLoadFileLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	dir := write(t, files(t, goodPolicy, nil))
	file, link := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "keys", "arden.pub")
	outside := filepath.Join(filepath.Dir(dir), "arden.pub")
	if err := os.Rename(link, outside); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{outside, "../../arden.pub", "../keys/../../arden.pub", "arden.pub"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		var fileErr *policy.FileError
		if pol, err := policy.LoadFile(file); pol != nil || !errors.As(err, &fileErr) || fileErr.File != "keys/arden.pub" {
			t.Errorf("link to %s: found %v, want a FileError of keys/arden.pub", target, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(outside, filepath.Join(dir, "arden.pub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../arden.pub", link); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.LoadFile(file); err != nil {
		t.Errorf("link inside of the folder: found %v, want none", err)
	}
}

// TestDigestCoversEveryByte: no byte of any file that the policy names can
// change without its digest.
func TestDigestCoversEveryByte(t *testing.T) {
	text := goodPolicy + "  provenance: {role: producer}\nrules: [a.cedar, b.cedar]\n"
	more := map[string]string{"a.cedar": goodRule, "b.cedar": "// a comment\n" + goodRule, "c.cedar": "not named"}
	original := files(t, text, more)
	want, err := policy.Load(original, "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	flipped, loaded := 0, 0
	for name := range original {
		if name == "c.cedar" {
			continue
		}
		for i := range original[name].Data {
			changed := fstest.MapFS{}
			for n, f := range original {
				changed[n] = &fstest.MapFile{Data: bytes.Clone(f.Data)}
			}
			changed[name].Data[i] ^= 1
			pol, err := policy.Load(changed, "policy.yaml")
			flipped++
			if err != nil {
				continue
			}
			loaded++
			if pol.Digest() == want.Digest() {
				t.Fatalf("%s: byte %d changed, and the digest is the same", name, i)
			}
		}
	}
	// Most flips make nonsense; those of comments, names and texts have to load.
	if flipped < 500 || loaded < 20 {
		t.Errorf("found %d flips of which %d loaded, want at least 500 and 20", flipped, loaded)
	}
	original["c.cedar"].Data = []byte("still not named")
	if same, err := policy.Load(original, "policy.yaml"); err != nil || same.Digest() != want.Digest() {
		t.Errorf("a file that the policy does not name: found %v, want the same digest", err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(goodPolicy), []byte(goodRule))
	f.Add([]byte(goodPolicy+"  provenance: {role: producer}\n  authorization: {signedBy: exporter}\n"), []byte("// none\n"))
	f.Add([]byte(strings.ReplaceAll(goodPolicy, "key:", "artifacts: [a/b], person: J. Doe, confirmed: {by: K, on: 2027-01-01, channel: phone}, notAfter: 2030-01-01T00:00:00Z, key:")), []byte(`@reason("x")@outcome("indeterminate")permit(principal in Carnet::Country::"AU",action,resource);`))
	f.Add([]byte(`{"carnet":"policy/v1","name":"x","signers":[],"require":{}}`), []byte("forbid (principal, action, resource when {"))
	f.Add(part(f, "policy.yaml"), readFile(f, "rules/core.cedar"))
	f.Add([]byte("a: &a [*a]"), []byte(`forbid(principal,action,resource)when{[[[["\u{1F600}"]]]]==context};`))
	f.Fuzz(func(t *testing.T, policyFile, rules []byte) {
		for _, text := range []string{string(policyFile), goodPolicy + "rules: [n.cedar]\n"} {
			pol, err := policy.Load(files(t, text, map[string]string{"n.cedar": string(rules)}), "policy.yaml")
			switch {
			case err == nil:
				if pol.Name() == "" || pol.Digest().IsZero() {
					t.Errorf("found a policy without a name or digest")
				}
				d := decide(t, pol, evidenceOf(pol), fixtureRequest(t))
				if d.Outcome == provenance.Permit {
					t.Errorf("found a permit without a paper")
				}
			case pol != nil:
				t.Errorf("found a policy and %v", err)
			default:
				var file *policy.FileError
				var rule *policy.RuleError
				if !errors.As(err, &file) && !errors.As(err, &rule) {
					t.Errorf("found %v, want a FileError or a RuleError", err)
				}
				if text := err.Error(); strings.Contains(text, "\n") || len(text) > 4096 {
					t.Errorf("found an error of %d bytes, want one short line", len(text))
				}
			}
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add(part(f, "request.yaml"))
	f.Add([]byte(`{"party":{"id":"gov:au/defence","name":"D","country":"AU","kind":"government"},"action":"use","location":{"country":"ZZ","subdivision":"ZZ-1"}}`))
	f.Add([]byte("party: {id: \"dns:a.example\", name: A, country: AU, kind: company}\naction: release-to-person\nendUse: x\nlocation: {country: NZ}\nartifact: {name: a/b}\nfacts: {possession: retained, agentOf: \"gov:au/defence\"}\n"))
	f.Add([]byte("action: deploy"))
	pol := fixturePolicy(f)
	e := evidenceOf(pol, declared(f, fixture(f), "arden"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := provenance.ParseRequest(data)
		if err != nil {
			var invalid *provenance.InvalidError
			if r != nil || !errors.As(err, &invalid) {
				t.Errorf("found %v, %v, want an InvalidError", r, err)
			}
			return
		}
		d := decide(t, pol, e, r)
		if d.Outcome == provenance.Permit && (r.EndUse != "evaluation" || r.Location.Country != "AU") {
			t.Errorf("found a permit for %s", data)
		}
		again, err := provenance.ParseRequest([]byte(toJSON(t, d.Request)))
		if err != nil {
			t.Fatalf("the decision's request does not parse: %v", err)
		}
		if toJSON(t, again) != toJSON(t, r) {
			t.Errorf("found %s, want %s", toJSON(t, again), toJSON(t, r))
		}
	})
}
