package provenance

var rulingVariations = []variation{
	{"ruling", "decides.classification", remove},
	{"ruling", "decides.classification", `""`},
	{"ruling", "decides.code", `"x"`}, // codes are the policy's to know
	{"ruling", "ruling", `"refuse"`},
	{"ruling", "issuedAt", remove},
	{"ruling", "issuedAt", "null"},
	{"ruling", "validUntil", `"1999-12-31"`}, // over, and well formed
}

var rulingRefusals = []refusal{
	{"ruling", "decides", remove, "decides.code"},
	{"ruling", "decides", `"possession-asserted"`, ""},
	{"ruling", "decides.code", remove, ""},
	{"ruling", "decides.code", `"Possession-Asserted"`, ""},
	{"ruling", "decides.code", `"possession asserted"`, ""},
	{"ruling", "decides.code", `"*"`, ""},
	{"ruling", "decides.classification", `"c1\nc2"`, ""},
	{"ruling", "ruling", remove, ""},
	{"ruling", "ruling", `"permit"`, ""},
	{"ruling", "ruling", `"Proceed"`, ""},
	{"ruling", "ruling", "true", ""},
	{"ruling", "officer", remove, "officer.name"},
	{"ruling", "officer", `"K. Marsh"`, ""},
	{"ruling", "officer.name", `""`, ""},
	{"ruling", "officer.title", remove, ""},
	{"ruling", "officer.party", remove, ""},
	{"ruling", "officer.party", `"Department of Defence"`, ""},
	{"ruling", "citation", remove, ""},
	{"ruling", "citation", `"a\nb"`, ""},
	{"ruling", "reasons", remove, ""},
	{"ruling", "reasons", `["a"]`, ""},
	{"ruling", "reasons", `"\n"`, ""},
	{"ruling", "validUntil", remove, ""},
	{"ruling", "validUntil", `"2027-12-31T00:00:00Z"`, ""},
	{"ruling", "issuedAt", `""`, ""},
	{"ruling", "issuedAt", `"2027-05-28"`, ""},
	{"ruling", "conditions", `[]`, ""}, // unknown: a ruling decides, it grants nothing
}
