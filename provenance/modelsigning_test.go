package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// sums are digests of the contents "a", "b", "c".
var sums = map[string]string{"a": SumDigest([]byte("a")).String(), "b": SumDigest([]byte("b")).String(), "c": SumDigest([]byte("c")).String()}

// modelPayload is the payload of a signature of these resources, each "name
// digest", or "name digest algorithm", with a subject that is as it should be.
func modelPayload(serialization string, resources ...string) string {
	var list []string
	var raw []byte
	for _, r := range resources {
		parts := append(strings.Split(r, " "), "sha256")
		list = append(list, fmt.Sprintf(`{"name":%q,"digest":%q,"algorithm":%q}`, parts[0], parts[1], parts[2]))
		raw = fmt.Appendf(raw, "%s", unhex(parts[1]))
	}
	return fmt.Sprintf(`{"_type":%q,"subject":[{"name":"tracker","digest":{"sha256":%q}}],"predicateType":%q,"predicate":{"serialization":%s,"resources":[%s]}}`,
		StatementType, SumDigest(raw), TypeModelSigning, serialization, strings.Join(list, ","))
}

func unhex(digits string) []byte {
	var raw []byte
	if _, err := fmt.Sscanf(digits, "%x", &raw); err != nil {
		return nil
	}
	return raw
}

const (
	filesSerialization  = `{"method":"files","hash_type":"sha256","allow_symlinks":false}`
	shardsSerialization = `{"method":"shards","hash_type":"sha256","allow_symlinks":false,"shard_size":8}`
)

// What is written in other ways than Carnet's, or says less, and is read.
func TestParseModelSigning(t *testing.T) {
	a, b, c := sums["a"], sums["b"], sums["c"]
	for name, payload := range map[string]string{
		"files":                         modelPayload(filesSerialization, "x/y.bin "+a, "z.bin "+b),
		"the reference's order":         modelPayload(filesSerialization, "a/w "+a, "a-b/w "+b, "a.json "+c),
		"any order":                     modelPayload(filesSerialization, "z "+a, "y "+b, "x "+c),
		"equal files":                   modelPayload(filesSerialization, "x "+a, "y "+a),
		"a model that is a file":        modelPayload(filesSerialization, ". "+a),
		"awkward names":                 modelPayload(filesSerialization, "-x "+a, "模型.bin "+b, ".hidden/..x "+c),
		"a colon":                       modelPayload(filesSerialization, "c:1:2 "+a),
		"names in two cases":            modelPayload(filesSerialization, "README "+a, "readme "+b),
		"ranges":                        modelPayload(shardsSerialization, "x:0:8 "+a, "x:8:16 "+b, "x:16:17 "+c),
		"ranges in any order":           modelPayload(shardsSerialization, "x:16:17 "+a, "x:0:8 "+b, "x:8:16 "+c),
		"ranges that end with a whole":  modelPayload(shardsSerialization, "x:0:8 "+a, "x:8:16 "+b),
		"ranges of a name with colons":  modelPayload(shardsSerialization, "x:0:8:0:3 "+a),
		"ranges of a model that is one": modelPayload(shardsSerialization, ".:0:8 "+a, ".:8:9 "+b),
		"the reference's algorithm":     modelPayload(shardsSerialization, "x:0:3 "+a+" sha256-sharded-8"),
		"a size with a point":           modelPayload(strings.Replace(shardsSerialization, "8", "8.0", 1), "x:0:3 "+a),
		"paths left out":                modelPayload(strings.Replace(filesSerialization, "{", `{"ignore_paths":[".git","model.sig","a/b"],`, 1), "a/c "+a),
		"a path left out beside one":    modelPayload(strings.Replace(filesSerialization, "{", `{"ignore_paths":["model"],`, 1), "model.bin "+a),
		"nothing left out":              modelPayload(strings.Replace(filesSerialization, "{", `{"ignore_paths":null,`, 1), "x "+a),
		"links":                         modelPayload(strings.Replace(filesSerialization, "false", "true", 1), "x "+a),
		"more of a resource":            strings.Replace(modelPayload(filesSerialization, "x "+a), `"name":"x"`, `"size":3,"name":"x"`, 1),
		"BLAKE2b":                       modelPayload(strings.Replace(filesSerialization, "sha256", "blake2b", 1), "x "+a+b+" blake2b"),
		"BLAKE3":                        modelPayload(strings.Replace(filesSerialization, "sha256", "blake3", 1), "x "+a+" blake3"),
		"white space":                   "\n" + modelPayload(filesSerialization, "x "+a) + " ",
	} {
		m, err := ParseModelSigning([]byte(payload))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Model != "tracker" || len(m.Resources) == 0 || !strings.Contains(payload, m.Root().String()) {
			t.Errorf("%s: read as %+v", name, m)
		}
		again, err := m.Payload()
		if err != nil {
			t.Errorf("%s: not written again: %v", name, err)
			continue
		}
		if twice, err := ParseModelSigning(again); err != nil || fmt.Sprint(twice) != fmt.Sprint(m) {
			t.Errorf("%s: written again, it is read as %+v, %v", name, twice, err)
		}
	}
}

func TestParseModelSigningRefuses(t *testing.T) {
	a, b := sums["a"], sums["b"]
	good := modelPayload(filesSerialization, "x "+a, "y "+b)
	if _, err := ParseModelSigning([]byte(good)); err != nil {
		t.Fatal(err)
	}
	edit := func(old, changed string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("found no %q", old)
		}
		return strings.Replace(good, old, changed, 1)
	}
	serialized := func(changed string) string { return edit(filesSerialization, changed) }
	ignoring := func(paths string) string {
		return serialized(strings.Replace(filesSerialization, "{", `{"ignore_paths":`+paths+`,`, 1))
	}
	for name, c := range map[string]struct{ payload, field string }{
		"nothing":                {"", ""},
		"trailing data":          {good + "{}", ""},
		"another type":           {edit(StatementType, StatementTypeV01), "_type"},
		"no type":                {edit(`"_type":"`+StatementType+`",`, ""), "_type"},
		"another predicate":      {edit(TypeModelSigning, TypeModelSigning+"/"), "predicateType"},
		"Carnet's predicate":     {edit(TypeModelSigning, TypeDeclaration), "predicateType"},
		"no predicate":           {edit(good[strings.Index(good, `,"predicate":`):], "}"), "predicate"},
		"an empty predicate":     {edit(good[strings.Index(good, `"predicate":`):], `"predicate":{}}`), "predicate.serialization"},
		"no subject":             {edit(good[strings.Index(good, `[{"name":"tracker"`):strings.Index(good, `,"predicateType"`)], "[]"), "subject"},
		"two subjects":           {edit(`[{"name":"tracker"`, `[{"name":"x","digest":{"sha256":"`+a+`"}},{"name":"tracker"`), "subject"},
		"a subject of a file":    {edit(`"tracker","digest":{"sha256":"`, `"tracker","digest":{"sha256":"`+a+`","sha512":"`), "subject[0].digest.sha512"},
		"another root":           {strings.Replace(good, b, sums["c"], 1), "subject[0].digest.sha256"},
		"another order":          {strings.NewReplacer(a, b, b, a).Replace(good), "subject[0].digest.sha256"},
		"a member twice":         {edit(`"name":"x"`, `"name":"x","name":"x"`), "name"},
		"a statement with more":  {edit(`"_type"`, `"extra":1,"_type"`), "extra"},
		"a predicate with more":  {edit(`"resources"`, `"exclude":["y"],"resources"`), "exclude"},
		"a serialization with":   {serialized(strings.Replace(filesSerialization, "{", `{"glob":"*",`, 1)), "serialization.glob"},
		"no serialization":       {edit(`"serialization":`+filesSerialization+`,`, ""), "predicate.serialization"},
		"links unsaid":           {serialized(`{"method":"files","hash_type":"sha256"}`), "predicate.serialization"},
		"links as text":          {serialized(`{"method":"files","hash_type":"sha256","allow_symlinks":"no"}`), "serialization.allow_symlinks"},
		"no method":              {serialized(`{"hash_type":"sha256","allow_symlinks":false}`), "predicate.serialization.method"},
		"no hash":                {serialized(`{"method":"files","allow_symlinks":false}`), "predicate.serialization.hash_type"},
		"files with a size":      {serialized(strings.Replace(filesSerialization, "{", `{"shard_size":8,`, 1)), "predicate.serialization.shard_size"},
		"files with no size":     {serialized(strings.Replace(filesSerialization, "{", `{"shard_size":0,`, 1)), "predicate.serialization.shard_size"},
		"everything left out":    {ignoring(`["."]`), "predicate.serialization.ignore_paths[0]"},
		"left out above":         {ignoring(`["a","../b"]`), "predicate.serialization.ignore_paths[1]"},
		"left out in the middle": {ignoring(`["a/../../b"]`), "predicate.serialization.ignore_paths[0]"},
		"left out elsewhere":     {ignoring(`["/etc"]`), "predicate.serialization.ignore_paths[0]"},
		"left out nothing":       {ignoring(`[""]`), "predicate.serialization.ignore_paths[0]"},
		"left out and signed":    {ignoring(`["y"]`), "predicate.resources[1].name"},
		"left out with a slash":  {ignoring(`["a/"]`), "predicate.serialization.ignore_paths[0]"},
		"no resources":           {modelPayload(filesSerialization), "predicate.resources"},
		"resources unsaid":       {edit(good[strings.Index(good, `,"resources":`):], "}}"), "predicate.resources"},
		"a text for a resource":  {edit(`{"name":"x"`, `"x",{"name":"x"`), "predicate.resources[0]"},
		"a number for a name":    {edit(`"name":"x"`, `"name":1`), "predicate.resources[0]"},
		"a name twice":           {modelPayload(filesSerialization, "x "+a, "x "+a), "predicate.resources[1].name"},
		"another hash":           {edit(`"algorithm":"sha256"`, `"algorithm":"blake3"`), "predicate.resources[0].algorithm"},
		"ranges' algorithm":      {modelPayload(filesSerialization, "x "+a+" sha256-sharded-8"), "predicate.resources[0].algorithm"},
		"ranges of another size": {modelPayload(shardsSerialization, "x:0:8 "+a+" sha256-sharded-9"), "predicate.resources[0].algorithm"},
		"upper case":             {modelPayload(filesSerialization, "x "+strings.ToUpper(a)), "predicate.resources[0].digest"},
		"a short digest":         {modelPayload(filesSerialization, "x "+a[:62]), "predicate.resources[0].digest"},
		"no digest":              {modelPayload(filesSerialization, "x "), "predicate.resources[0].digest"},
		"BLAKE2b of 32 bytes":    {modelPayload(strings.Replace(filesSerialization, "sha256", "blake2b", 1), "x "+a+" blake2b"), "predicate.resources[0].digest"},
		"a model and a file":     {modelPayload(filesSerialization, "x "+a, ". "+b), "predicate.resources[1].name"},
		"no size":                {modelPayload(strings.Replace(shardsSerialization, `,"shard_size":8`, "", 1), "x:0:8 "+a), "predicate.serialization.shard_size"},
		"a size of nothing":      {modelPayload(strings.Replace(shardsSerialization, "8", "0", 1), "x:0:8 "+a), "predicate.serialization.shard_size"},
		"a size below nothing":   {modelPayload(strings.Replace(shardsSerialization, "8", "-8", 1), "x:0:8 "+a), "predicate.serialization.shard_size"},
		"half a byte":            {modelPayload(strings.Replace(shardsSerialization, "8", "8.5", 1), "x:0:8 "+a), "serialization.shard_size"},
		"a size without end":     {modelPayload(strings.Replace(shardsSerialization, "8", "1e99", 1), "x:0:8 "+a), "serialization.shard_size"},
		"a size as text":         {modelPayload(strings.Replace(shardsSerialization, "8", `"8"`, 1), "x:0:8 "+a), "serialization.shard_size"},
		"a range without":        {modelPayload(shardsSerialization, "x "+a), "predicate.resources[0].name"},
		"a range of one number":  {modelPayload(shardsSerialization, "x:8 "+a), "predicate.resources[0].name"},
		"a range of words":       {modelPayload(shardsSerialization, "x:a:b "+a), "predicate.resources[0].name"},
		"a range with zeros":     {modelPayload(shardsSerialization, "x:00:8 "+a), "predicate.resources[0].name"},
		"a range with a sign":    {modelPayload(shardsSerialization, "x:0:+8 "+a), "predicate.resources[0].name"},
		"a range below":          {modelPayload(shardsSerialization, "x:-8:0 "+a), "predicate.resources[0].name"},
		"a range of nothing":     {modelPayload(shardsSerialization, "x:0:0 "+a), "predicate.resources[0].name"},
		"a range backwards":      {modelPayload(shardsSerialization, "x:8:4 "+a), "predicate.resources[0].name"},
		"a range too long":       {modelPayload(shardsSerialization, "x:0:9 "+a), "predicate.resources[0].name"},
		"a range off its place":  {modelPayload(shardsSerialization, "x:4:8 "+a), "predicate.resources[0].name"},
		"a gap":                  {modelPayload(shardsSerialization, "x:0:8 "+a, "x:16:17 "+b), "predicate.resources[0].name"},
		"no beginning":           {modelPayload(shardsSerialization, "x:8:16 "+a), "predicate.resources[0].name"},
		"short in the middle":    {modelPayload(shardsSerialization, "x:0:7 "+a, "x:8:9 "+b), "predicate.resources[0].name"},
		"an overlap":             {modelPayload(shardsSerialization, "x:0:8 "+a, "x:0:7 "+b), "predicate.resources[0].name"},
		"a range within one":     {modelPayload(shardsSerialization, "x:0:16 "+a, "x:8:16 "+b), "predicate.resources[0].name"},
		"an end past all":        {modelPayload(strings.Replace(shardsSerialization, "8", "9007199254740991", 1), "x:0:9007199254740992 "+a), "predicate.resources[0].name"},
		"a range without a name": {modelPayload(shardsSerialization, ":0:8 "+a), "predicate.resources[0].name"},
		"too deep":               {edit(`"name":"x"`, `"name":"x","more":`+strings.Repeat("[", 70)+strings.Repeat("]", 70)), ""},
		"too long":               {good + strings.Repeat(" ", MaxModelPayload), ""},
	} {
		m, err := ParseModelSigning([]byte(c.payload))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || m != nil {
			t.Errorf("%s: %+v, %v, want an InvalidError", name, m, err)
			continue
		}
		if !strings.HasSuffix(invalid.Fields[0].Field, c.field) || c.field == "" && invalid.Fields[0].Field != "" && name != "too deep" {
			t.Errorf("%s: found wrong in %q (%v), want in %q", name, invalid.Fields[0].Field, err, c.field)
		}
	}
}

// Names are judged before anybody could open anything by them.
func TestModelSigningNames(t *testing.T) {
	bad := []string{"", "/etc/passwd", "..", "../x", "a/../x", "a/..", "./x", "a/./b", "a//b", "a/", "/", `a\b`, `..\x`, "a\x00b", strings.Repeat("x", maxNameLen+1), strings.Repeat("x/", maxPathLen/2) + "x"}
	for _, name := range bad {
		var path *PathError
		if err := CheckModelPath(name); !errors.As(err, &path) {
			t.Errorf("CheckModelPath(%q): %v", name, err)
		}
		for _, m := range []*ModelSigning{
			{Method: ModelFiles, Hash: ModelSHA256, Resources: []ModelResource{{Path: name, Digest: sums["a"]}}},
			{Method: ModelShards, Hash: ModelSHA256, ShardSize: 8, Resources: []ModelResource{{Path: name, End: 3, Digest: sums["a"]}}},
			{Method: ModelFiles, Hash: ModelSHA256, IgnorePaths: []string{name}, Resources: []ModelResource{{Path: "x", Digest: sums["a"]}}},
		} {
			var invalid *InvalidError
			if _, err := m.Payload(); !errors.As(err, &invalid) {
				t.Errorf("Payload with %q: %v", name, err)
			}
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		payload := strings.Replace(modelPayload(filesSerialization, "x "+sums["a"]), `"name":"x"`, `"name":`+string(quoted), 1)
		var invalid *InvalidError
		if _, err := ParseModelSigning([]byte(payload)); !errors.As(err, &invalid) || invalid.Fields[0].Field != "predicate.resources[0].name" {
			t.Errorf("ParseModelSigning with %q: %v", name, err)
		}
	}
	for _, name := range []string{"x", "-x", "a:b", ".x", "..x", "x..", ".carnet/x", "a b", "a\nb", "模型", strings.Repeat("x", maxNameLen)} {
		if err := CheckModelPath(name); err != nil {
			t.Errorf("CheckModelPath(%q): %v", name, err)
		}
	}
	if err := CheckModelPath("a\xff"); err == nil {
		t.Error("a name that is not UTF-8 is accepted")
	}
}

// A method or hash of the future is told from a mistake.
func TestModelSigningUnsupported(t *testing.T) {
	for what, serialization := range map[string]string{
		"method":    strings.Replace(filesSerialization, "files", "trees", 1),
		"hash_type": strings.Replace(filesSerialization, "sha256", "sha3-256", 1),
	} {
		var unsupported *UnsupportedModelError
		if _, err := ParseModelSigning([]byte(modelPayload(serialization, "x "+sums["a"]))); !errors.As(err, &unsupported) || unsupported.What != what {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestModelSigningPayloadRefuses(t *testing.T) {
	a := sums["a"]
	for name, m := range map[string]*ModelSigning{
		"nothing":            {},
		"no resources":       {Method: ModelFiles, Hash: ModelSHA256},
		"no digest":          {Method: ModelFiles, Hash: ModelSHA256, Resources: []ModelResource{{Path: "x"}}},
		"no hash":            {Method: ModelFiles, Resources: []ModelResource{{Path: "x", Digest: a}}},
		"a range of files":   {Method: ModelFiles, Hash: ModelSHA256, Resources: []ModelResource{{Path: "x", Digest: a, End: 3}}},
		"a start of files":   {Method: ModelFiles, Hash: ModelSHA256, Resources: []ModelResource{{Path: "x", Digest: a, Start: 3}}},
		"a range of nothing": {Method: ModelShards, Hash: ModelSHA256, ShardSize: 8, Resources: []ModelResource{{Path: "x", Digest: a}}},
		"a name too long":    {Model: strings.Repeat("x", 600), Method: ModelFiles, Hash: ModelSHA256, Resources: []ModelResource{{Path: "x", Digest: a}}},
	} {
		var invalid *InvalidError
		if payload, err := m.Payload(); !errors.As(err, &invalid) {
			t.Errorf("%s: %s, %v", name, payload, err)
		}
	}
}

// A model signature is about exactly the files it lists.
func TestModelSigningAboutFiles(t *testing.T) {
	files := func(contents map[string]string) *Manifest {
		var list []File
		for path, content := range contents {
			list = append(list, File{Path: path, Digest: SumDigest([]byte(content)), Size: -1})
		}
		m, err := NewManifest(list)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	signed := map[string]string{"x": "a", "d/y": "b"}
	good := modelPayload(filesSerialization, "x "+sums["a"], "d/y "+sums["b"])
	without := maps.Clone(signed)
	delete(without, "x")
	for name, c := range map[string]struct {
		payload string
		files   *Manifest
		want    bool
	}{
		"the files":           {good, files(signed), true},
		"in another order":    {modelPayload(filesSerialization, "d/y "+sums["b"], "x "+sums["a"]), files(signed), true},
		"left out and absent": {modelPayload(strings.Replace(filesSerialization, "{", `{"ignore_paths":["z"],`, 1), "x "+sums["a"], "d/y "+sums["b"]), files(signed), true},
		"no files":            {good, nil, false},
		"one changed":         {good, files(map[string]string{"x": "a", "d/y": "c"}), false},
		"one renamed":         {good, files(map[string]string{"x": "a", "d/z": "b"}), false},
		"exchanged":           {good, files(map[string]string{"x": "b", "d/y": "a"}), false},
		"one more":            {good, files(map[string]string{"x": "a", "d/y": "b", "z": "c"}), false},
		"one more left out":   {modelPayload(strings.Replace(filesSerialization, "{", `{"ignore_paths":["z"],`, 1), "x "+sums["a"], "d/y "+sums["b"]), files(map[string]string{"x": "a", "d/y": "b", "z": "c"}), false},
		"git's left out":      {good, files(map[string]string{"x": "a", "d/y": "b", ".gitattributes": "c"}), false},
		"one less":            {good, files(without), false},
		"in another case":     {good, files(map[string]string{"X": "a", "d/y": "b"}), false},
		"whole ranges":        {modelPayload(shardsSerialization, "x:0:1 "+sums["a"], "d/y:0:1 "+sums["b"]), files(signed), true},
		"ranges of another":   {modelPayload(shardsSerialization, "x:0:1 "+sums["a"], "d/y:0:1 "+sums["c"]), files(signed), false},
		"ranges and one more": {modelPayload(shardsSerialization, "x:0:1 "+sums["a"], "d/y:0:1 "+sums["b"]), files(map[string]string{"x": "a", "d/y": "b", "__init__.py": ""}), false},
		"a file in ranges":    {modelPayload(shardsSerialization, "x:0:8 "+sums["a"], "x:8:9 "+sums["b"]), files(map[string]string{"x": "a", "d/y": "b"}), false},
		"a file begun":        {modelPayload(shardsSerialization, "x:0:8 "+sums["a"], "x:8:9 "+sums["b"]), files(map[string]string{"x": "a"}), false},
		"another hash":        {modelPayload(strings.Replace(filesSerialization, "sha256", "blake3", 1), "x "+sums["a"]+" blake3", "d/y "+sums["b"]+" blake3"), files(signed), false},
		"no name":             {modelPayload(filesSerialization, ". "+sums["a"]), files(map[string]string{"x": "a"}), false},
		"not well formed":     {strings.Replace(good, `"method":"files"`, `"method":"files","x":1`, 1), files(signed), false},
		"another root":        {strings.Replace(good, `"digest":{"sha256":"`, `"digest":{"dirHash1":"`+sums["a"]+`","sha256":"`, 1), files(signed), true},
	} {
		s, err := ParseStatement([]byte(c.payload))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := s.AboutFiles(c.files, Digest{}); got != c.want {
			t.Errorf("%s: AboutFiles %v, want %v", name, got, c.want)
		}
	}

	twice := &ModelSigning{Method: ModelFiles, Hash: ModelSHA256, Resources: []ModelResource{{Path: "x", Digest: sums["a"]}, {Path: "x", Digest: sums["a"]}}}
	end := &ModelSigning{Method: ModelShards, Hash: ModelSHA256, ShardSize: 8, Resources: []ModelResource{{Path: "x", Start: 8, End: 9, Digest: sums["a"]}}}
	if end.Lists(files(map[string]string{"x": "a"})) {
		t.Error("Lists takes the end of a file for the file")
	}
	if twice.Lists(files(signed)) || (*ModelSigning)(nil).Lists(files(signed)) || new(ModelSigning).Lists(nil) {
		t.Error("Lists takes one file twice for two, or nothing for something")
	}

	// Its subject is nobody's root, whatever digest it states.
	m := files(signed)
	for _, alg := range []string{"sha256", "dirHash1"} {
		s := &Statement{Type: StatementType, PredicateType: TypeModelSigning, Predicate: []byte("{}"), Subject: []Subject{{Name: "x", Digest: map[string]string{alg: m.Root().String()}}}}
		if s.AboutFiles(m, Digest{}) || s.About(m.Root(), Digest{}) || s.AboutFiles(m, m.Root()) || s.NamesManifest(m.Root()) {
			t.Errorf("a subject of %s makes it about the artifact", alg)
		}
	}
	// Any other predicate is about what its subjects name.
	other := &Statement{Type: StatementType, PredicateType: "https://example.com/x/v1", Predicate: []byte("{}"), Subject: ArtifactSubjects("n", m.Root())}
	if !other.AboutFiles(m, Digest{}) || other.AboutFiles(files(without), Digest{}) || other.AboutFiles(nil, Digest{}) {
		t.Error("AboutFiles of another predicate is not About")
	}
}

func TestModelSigningRoot(t *testing.T) {
	m := &ModelSigning{Resources: []ModelResource{{Digest: sums["a"]}, {Digest: sums["b"]}}}
	if got, want := m.Root(), SumDigest(append(unhex(sums["a"]), unhex(sums["b"])...)); got != want {
		t.Errorf("root %s, want %s", got, want)
	}
	slices.Reverse(m.Resources)
	if m.Root() == SumDigest(append(unhex(sums["a"]), unhex(sums["b"])...)) {
		t.Error("the root does not depend on the order")
	}
}

// FuzzParseModelSigning: what is read is written and read back the same, names
// nothing outside the model, and names nothing twice.
func FuzzParseModelSigning(f *testing.F) {
	seeds := []string{
		modelPayload(filesSerialization, "x "+sums["a"], "d/y.bin "+sums["b"]),
		modelPayload(filesSerialization, ". "+sums["a"]),
		modelPayload(strings.Replace(filesSerialization, "{", `{"ignore_paths":[".git","a/b"],`, 1), "x "+sums["a"]),
		modelPayload(shardsSerialization, "x:0:8 "+sums["a"], "x:8:9 "+sums["b"], "y:0:1 "+sums["c"]+" sha256-sharded-8"),
		modelPayload(strings.Replace(shardsSerialization, "8", "8.0", 1), "a:b:0:8 "+sums["a"]),
		modelPayload(strings.Replace(filesSerialization, "sha256", "blake2b", 1), "x "+sums["a"]+sums["b"]+" blake2b"),
		modelPayload(strings.Replace(filesSerialization, "{", `{"ignore_paths":["."],`, 1), "x "+sums["a"]),
		modelPayload(filesSerialization, "../x "+sums["a"]),
		"{}", "",
	}
	read := 0
	for _, seed := range seeds {
		if _, err := ParseModelSigning([]byte(seed)); err == nil {
			read++
		}
		f.Add([]byte(seed))
	}
	if read < 6 || read == len(seeds) {
		f.Fatalf("%d of %d seeds are read, want most and not all", read, len(seeds))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := ParseModelSigning(payload)
		if err != nil {
			var invalid *InvalidError
			var unsupported *UnsupportedModelError
			if m != nil || errors.As(err, &invalid) == errors.As(err, &unsupported) {
				t.Fatalf("%+v, %v", m, err)
			}
			return
		}
		seen := map[string]bool{}
		covered := map[string]int64{}
		for _, r := range m.Resources {
			if seen[r.Name()] || r.Path != ModelSelf && CheckModelPath(r.Path) != nil {
				t.Fatalf("read with the name %q", r.Name())
			}
			seen[r.Name()] = true
			covered[r.Path] += r.End - r.Start
		}
		for _, r := range m.Resources { // no byte of a file is in no range, or in two
			if r.End > covered[r.Path] {
				t.Fatalf("%q is signed to its byte %d, and %d bytes of it are", r.Path, r.End, covered[r.Path])
			}
		}
		first, err := m.Payload()
		if err != nil {
			t.Fatalf("read, and not written: %v", err)
		}
		again, err := ParseModelSigning(first)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(m) {
			t.Fatalf("written, and read as %+v (%v), want %+v", again, err, m)
		}
		if second, err := again.Payload(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("encoding is no fixed point (%v):\n%s\n%s", err, first, second)
		}
	})
}
