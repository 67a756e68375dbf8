package screening

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A generator makes fictional names of the kinds the list has. Equal seeds make
// equal names.
type generator struct{ r *rand.Rand }

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, 26_000))}
}

// Syllables by sound, so that names of one kind share their beginnings and ends
// as names of one language do.
var (
	slavic  = [3][]string{strings.Fields("vo te ka zhe mi dra bo sto kra ve lu ya go pe si ra khle do"), strings.Fields("ra ska lo che ni vi da ro me gu li va dry to sha zi"), strings.Fields("nov rov shkin lenko vich skiy dov tsev marev nin chuk kov lin zhin")}
	semitic = [3][]string{strings.Fields("al ha ma sa qu fa na ra za ta ja ka ba mu ya ab"), strings.Fields("ra ma di sha ba ri li na ha fi za wa mu da"), strings.Fields("ni di wi sani ri bari rani zadeh lah maz far hani doun wan shi")}
	chinese = [3][]string{strings.Fields("heng lan tai fu sheng jin hua wei dong bei xin zhong tian rui kai ming guang yuan"), {""}, strings.Fields("fu tai lan hua rui xin yuan da ke li sheng tong wei jing bo hai")}
	western = [3][]string{strings.Fields("dor quil brask os vel har pell mar tor ald gre lum cas fen wil kes bran stel"), strings.Fields("va lo tri me do ri wo ne la co mi ste"), strings.Fields("ne von rix worth mark dale son lane ton tex mont ster gard field ric")}
	kinds   = [][3][]string{slavic, semitic, chinese, western}

	givenNames = strings.Fields("Ilmar Yuriy Dmitriy Aleksandr Sergey Mikhail Vladimir Ivan Andrey Nikolay Muhammad Ahmad Hasan Ali Husayn Yusuf Mahmud Khalid Omar Ibrahim Abdullah Reza Hoseyn Mehdi Amir Wei Jun Ming Hui Lei Feng Jian Johan Peter Marta Carlos Jose Luis Maria Juan Miguel Anna Henrik Tomas Kim Chol Ho")
	businesses = strings.Fields("Trading Shipping Technology Electronics Industries Industrial International General Import Export Aviation Petroleum Engineering Maritime Logistics Optics Holding Investment Systems Construction Services Group Institute Research Energy Bank Steel Chemical Instruments Precision Dynamics Microelectronics Machinery")
	legalForms = strings.Fields("LLC Ltd Limited Co.,_Ltd. GmbH JSC Inc Corp S.A. FZE PJSC Company Pvt_Ltd AG Sdn_Bhd OOO")
)

func (g generator) pick(from []string) string { return from[g.r.IntN(len(from))] }

// word makes a word of one kind of sound.
func (g generator) word(kind [3][]string) string {
	w := g.pick(kind[0])
	for range g.r.IntN(3) {
		w += g.pick(kind[1])
	}
	w += g.pick(kind[2])
	return strings.ToUpper(w[:1]) + w[1:]
}

func (g generator) person() string {
	kind := kinds[g.r.IntN(len(kinds))]
	given := g.pick(givenNames)
	for g.r.IntN(2) == 0 {
		given += " " + g.pick(givenNames)
		if g.r.IntN(3) == 0 {
			given += " " + g.word(kind)
		}
	}
	return strings.ToUpper(g.word(kind)) + ", " + given
}

func (g generator) company() string {
	kind := kinds[g.r.IntN(len(kinds))]
	name := g.word(kind)
	if g.r.IntN(2) == 0 {
		name += " " + g.word(kind)
	}
	for range g.r.IntN(3) {
		name += " " + g.pick(businesses)
	}
	if g.r.IntN(5) > 0 {
		name += " " + strings.ReplaceAll(g.pick(legalForms), "_", " ")
	}
	return name
}

// name makes a name and says whether it is a person's.
func (g generator) name() (string, bool) {
	if g.r.IntN(2) == 0 {
		return g.person(), true
	}
	return g.company(), false
}

// slip makes one slip of a writer in a word of five letters or more.
func (g generator) slip(name string) string {
	words := strings.Fields(name)
	for range 20 {
		i := g.r.IntN(len(words))
		w := []rune(words[i])
		if len(w) < 5 {
			continue
		}
		at := 1 + g.r.IntN(len(w)-2)
		switch g.r.IntN(4) {
		case 0:
			w = append(w[:at], w[at+1:]...)
		case 1:
			w[at] = rune('a' + g.r.IntN(26))
		case 2:
			w[at], w[at+1] = w[at+1], w[at]
		default:
			w = append(w[:at+1], w[at:]...)
		}
		words[i] = string(w)
		break
	}
	return strings.Join(words, " ")
}

// snapshot makes a list of n entries with two aliases each on average, with the
// members that trade.gov's has.
func snapshot(n int) []byte {
	g := newGenerator(1)
	var b strings.Builder
	b.WriteString(`{"results":[`)
	for i := range n {
		name, person := g.name()
		kind := `"Entity"`
		if person {
			kind = `"Individual"`
		}
		var aliases []string
		for range g.r.IntN(5) {
			alias := g.slip(name)
			if g.r.IntN(2) == 0 {
				if alias = g.company(); person {
					alias = g.person()
				}
			}
			aliases = append(aliases, fmt.Sprintf("%q", alias))
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"addresses":[{"address":"%d %s Street","city":%q,"country":"QQ","postal_code":"%05d","state":null}],"alt_names":[%s],`+
			`"call_sign":null,"citizenships":[],"country":null,"dates_of_birth":["%d"],"end_date":null,"entity_number":"%d","federal_register_notice":"%d FR %d","gross_registered_tonnage":null,"gross_tonnage":null,`+
			`"id":"%d","ids":[{"country":"QQ","expiration_date":null,"issue_date":null,"number":"Q%07d","type":"Passport"},{"country":null,"expiration_date":null,"issue_date":null,"number":"Male","type":"Gender"}],`+
			`"license_policy":"Presumption of denial.","license_requirement":"For all items subject to the EAR. (See Supplement No. 4 to part 744.)","name":%q,"nationalities":[],"places_of_birth":[%q],"programs":["QQ-A","QQ-B"],"remarks":%q,`+
			`"source":"Specially Designated Nationals (SDN) - Treasury Department","source_information_url":"https://list.example/information","source_list_url":"https://list.example/list","standard_order":null,"start_date":"2020-01-02","title":null,"type":%s,"vessel_flag":null,"vessel_owner":null,"vessel_type":null}`,
			g.r.IntN(500), g.word(western), g.word(western), g.r.IntN(99999), strings.Join(aliases, ","),
			1940+g.r.IntN(60), i, g.r.IntN(90), g.r.IntN(90000), i, g.r.IntN(10_000_000), name, g.word(slavic), strings.Repeat("Remarks of no meaning. ", g.r.IntN(20)), kind)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}
