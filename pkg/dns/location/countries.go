// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package location

import "strings"

// countries are the codes of ISO 3166-1 by continent. Of countries in two, it is the one where most of their people live.
var countries = map[string]string{
	"africa": "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA " +
		"NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
	"antarctica": "AQ BV GS HM TF",
	"asia": "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM " +
		"PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
	"europe": "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME " +
		"MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
	"north-america": "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV " +
		"SX TC TT US VC VG VI",
	"oceania":       "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
	"south-america": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
}

// continentOf is the continent of a country, by its code; it has nothing for what is no country.
var continentOf = func() map[string]string {
	out := map[string]string{}
	for continent, codes := range countries {
		for code := range strings.FieldsSeq(codes) {
			out[code] = continent
		}
	}
	return out
}()
