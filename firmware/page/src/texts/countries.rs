//! Names of countries and territories, in both languages. The English ones are the core's; the French ones are those of the
//! Unicode CLDR (locale `fr_CA`), for the same codes (`firmware/core/tables/countries.csv`).

use super::Lang;

/// The name of a country, by its two letters (ISO 3166-1); the letters themselves for one without a name.
pub fn country(code: &str, lang: Lang) -> &str {
    let named = match lang {
        Lang::En => english(code),
        Lang::Fr => FRENCH
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, name)| *name),
    };
    named.unwrap_or(code)
}

fn english(code: &str) -> Option<&'static str> {
    let letters = code.as_bytes().try_into().ok()?;
    trunkguard_core::number::country_name(letters)
}

/// Every country as letters and name, in the order of the names.
pub fn countries(lang: Lang) -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<_> = FRENCH
        .iter()
        .map(|(code, _)| (*code, country(code, lang)))
        .collect();
    all.sort_by_key(|(_, name)| sorted(name));
    all
}

/// Neither accents nor capitals change the place of a name.
fn sorted(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .map(|sign| match sign {
            'à' | 'å' | 'â' | 'ã' => 'a',
            'ç' => 'c',
            'é' | 'è' | 'ê' => 'e',
            'î' | 'í' | 'ï' => 'i',
            'ô' | 'ó' | 'ö' => 'o',
            'ü' => 'u',
            other => other,
        })
        .collect()
}

#[rustfmt::skip]
const FRENCH: [(&str, &str); 245] = [
    ("AC", "île de l’Ascension"),
    ("AD", "Andorre"),
    ("AE", "Émirats arabes unis"),
    ("AF", "Afghanistan"),
    ("AG", "Antigua-et-Barbuda"),
    ("AI", "Anguilla"),
    ("AL", "Albanie"),
    ("AM", "Arménie"),
    ("AO", "Angola"),
    ("AR", "Argentine"),
    ("AS", "Samoa américaines"),
    ("AT", "Autriche"),
    ("AU", "Australie"),
    ("AW", "Aruba"),
    ("AX", "îles d’Åland"),
    ("AZ", "Azerbaïdjan"),
    ("BA", "Bosnie-Herzégovine"),
    ("BB", "Barbade"),
    ("BD", "Bangladesh"),
    ("BE", "Belgique"),
    ("BF", "Burkina Faso"),
    ("BG", "Bulgarie"),
    ("BH", "Bahreïn"),
    ("BI", "Burundi"),
    ("BJ", "Bénin"),
    ("BL", "Saint-Barthélemy"),
    ("BM", "Bermudes"),
    ("BN", "Brunéi"),
    ("BO", "Bolivie"),
    ("BQ", "Pays-Bas caribéens"),
    ("BR", "Brésil"),
    ("BS", "Bahamas"),
    ("BT", "Bhoutan"),
    ("BW", "Botswana"),
    ("BY", "Bélarus"),
    ("BZ", "Bélize"),
    ("CA", "Canada"),
    ("CC", "îles Cocos (Keeling)"),
    ("CD", "Congo-Kinshasa"),
    ("CF", "République centrafricaine"),
    ("CG", "Congo-Brazzaville"),
    ("CH", "Suisse"),
    ("CI", "Côte d’Ivoire"),
    ("CK", "îles Cook"),
    ("CL", "Chili"),
    ("CM", "Cameroun"),
    ("CN", "Chine"),
    ("CO", "Colombie"),
    ("CR", "Costa Rica"),
    ("CU", "Cuba"),
    ("CV", "Cap-Vert"),
    ("CW", "Curaçao"),
    ("CX", "île Christmas"),
    ("CY", "Chypre"),
    ("CZ", "Tchéquie"),
    ("DE", "Allemagne"),
    ("DJ", "Djibouti"),
    ("DK", "Danemark"),
    ("DM", "Dominique"),
    ("DO", "République dominicaine"),
    ("DZ", "Algérie"),
    ("EC", "Équateur"),
    ("EE", "Estonie"),
    ("EG", "Égypte"),
    ("EH", "Sahara occidental"),
    ("ER", "Érythrée"),
    ("ES", "Espagne"),
    ("ET", "Éthiopie"),
    ("FI", "Finlande"),
    ("FJ", "Fidji"),
    ("FK", "îles Malouines"),
    ("FM", "Micronésie"),
    ("FO", "îles Féroé"),
    ("FR", "France"),
    ("GA", "Gabon"),
    ("GB", "Royaume-Uni"),
    ("GD", "Grenade"),
    ("GE", "Géorgie"),
    ("GF", "Guyane française"),
    ("GG", "Guernesey"),
    ("GH", "Ghana"),
    ("GI", "Gibraltar"),
    ("GL", "Groenland"),
    ("GM", "Gambie"),
    ("GN", "Guinée"),
    ("GP", "Guadeloupe"),
    ("GQ", "Guinée équatoriale"),
    ("GR", "Grèce"),
    ("GT", "Guatemala"),
    ("GU", "Guam"),
    ("GW", "Guinée-Bissau"),
    ("GY", "Guyana"),
    ("HK", "R.A.S. chinoise de Hong Kong"),
    ("HN", "Honduras"),
    ("HR", "Croatie"),
    ("HT", "Haïti"),
    ("HU", "Hongrie"),
    ("ID", "Indonésie"),
    ("IE", "Irlande"),
    ("IL", "Israël"),
    ("IM", "île de Man"),
    ("IN", "Inde"),
    ("IO", "Territoire britannique de l’océan Indien"),
    ("IQ", "Irak"),
    ("IR", "Iran"),
    ("IS", "Islande"),
    ("IT", "Italie"),
    ("JE", "Jersey"),
    ("JM", "Jamaïque"),
    ("JO", "Jordanie"),
    ("JP", "Japon"),
    ("KE", "Kenya"),
    ("KG", "Kirghizistan"),
    ("KH", "Cambodge"),
    ("KI", "Kiribati"),
    ("KM", "Comores"),
    ("KN", "Saint‑Kitts‑et‑Nevis"),
    ("KP", "Corée du Nord"),
    ("KR", "Corée du Sud"),
    ("KW", "Koweït"),
    ("KY", "Îles Caïmans"),
    ("KZ", "Kazakhstan"),
    ("LA", "Laos"),
    ("LB", "Liban"),
    ("LC", "Sainte-Lucie"),
    ("LI", "Liechtenstein"),
    ("LK", "Sri Lanka"),
    ("LR", "Libéria"),
    ("LS", "Lesotho"),
    ("LT", "Lituanie"),
    ("LU", "Luxembourg"),
    ("LV", "Lettonie"),
    ("LY", "Libye"),
    ("MA", "Maroc"),
    ("MC", "Monaco"),
    ("MD", "Moldavie"),
    ("ME", "Monténégro"),
    ("MF", "Saint-Martin (France)"),
    ("MG", "Madagascar"),
    ("MH", "Îles Marshall"),
    ("MK", "Macédoine du Nord"),
    ("ML", "Mali"),
    ("MM", "Myanmar"),
    ("MN", "Mongolie"),
    ("MO", "R.A.S. chinoise de Macao"),
    ("MP", "Mariannes du Nord"),
    ("MQ", "Martinique"),
    ("MR", "Mauritanie"),
    ("MS", "Montserrat"),
    ("MT", "Malte"),
    ("MU", "Maurice"),
    ("MV", "Maldives"),
    ("MW", "Malawi"),
    ("MX", "Mexique"),
    ("MY", "Malaisie"),
    ("MZ", "Mozambique"),
    ("NA", "Namibie"),
    ("NC", "Nouvelle-Calédonie"),
    ("NE", "Niger"),
    ("NF", "île Norfolk"),
    ("NG", "Nigéria"),
    ("NI", "Nicaragua"),
    ("NL", "Pays-Bas"),
    ("NO", "Norvège"),
    ("NP", "Népal"),
    ("NR", "Nauru"),
    ("NU", "Niue"),
    ("NZ", "Nouvelle-Zélande"),
    ("OM", "Oman"),
    ("PA", "Panama"),
    ("PE", "Pérou"),
    ("PF", "Polynésie française"),
    ("PG", "Papouasie-Nouvelle-Guinée"),
    ("PH", "Philippines"),
    ("PK", "Pakistan"),
    ("PL", "Pologne"),
    ("PM", "Saint-Pierre-et-Miquelon"),
    ("PR", "Porto Rico"),
    ("PS", "Territoires palestiniens"),
    ("PT", "Portugal"),
    ("PW", "Palaos"),
    ("PY", "Paraguay"),
    ("QA", "Qatar"),
    ("RE", "la Réunion"),
    ("RO", "Roumanie"),
    ("RS", "Serbie"),
    ("RU", "Russie"),
    ("RW", "Rwanda"),
    ("SA", "Arabie saoudite"),
    ("SB", "Îles Salomon"),
    ("SC", "Seychelles"),
    ("SD", "Soudan"),
    ("SE", "Suède"),
    ("SG", "Singapour"),
    ("SH", "Sainte-Hélène"),
    ("SI", "Slovénie"),
    ("SJ", "Svalbard et Jan Mayen"),
    ("SK", "Slovaquie"),
    ("SL", "Sierra Leone"),
    ("SM", "Saint-Marin"),
    ("SN", "Sénégal"),
    ("SO", "Somalie"),
    ("SR", "Suriname"),
    ("SS", "Soudan du Sud"),
    ("ST", "Sao Tomé-et-Principe"),
    ("SV", "Salvador"),
    ("SX", "Saint-Martin (Pays-Bas)"),
    ("SY", "Syrie"),
    ("SZ", "Eswatini"),
    ("TA", "Tristan da Cunha"),
    ("TC", "Îles Turques-et-Caïques"),
    ("TD", "Tchad"),
    ("TG", "Togo"),
    ("TH", "Thaïlande"),
    ("TJ", "Tadjikistan"),
    ("TK", "Tokelau"),
    ("TL", "Timor-Leste"),
    ("TM", "Turkménistan"),
    ("TN", "Tunisie"),
    ("TO", "Tonga"),
    ("TR", "Turquie"),
    ("TT", "Trinité-et-Tobago"),
    ("TV", "Tuvalu"),
    ("TW", "Taïwan"),
    ("TZ", "Tanzanie"),
    ("UA", "Ukraine"),
    ("UG", "Ouganda"),
    ("US", "États-Unis"),
    ("UY", "Uruguay"),
    ("UZ", "Ouzbékistan"),
    ("VA", "Cité du Vatican"),
    ("VC", "Saint-Vincent-et-les Grenadines"),
    ("VE", "Vénézuéla"),
    ("VG", "îles Vierges britanniques"),
    ("VI", "îles Vierges américaines"),
    ("VN", "Vietnam"),
    ("VU", "Vanuatu"),
    ("WF", "Wallis-et-Futuna"),
    ("WS", "Samoa"),
    ("XK", "Kosovo"),
    ("YE", "Yémen"),
    ("YT", "Mayotte"),
    ("ZA", "Afrique du Sud"),
    ("ZM", "Zambie"),
    ("ZW", "Zimbabwe"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_that_a_number_can_have_is_named_and_in_order() {
        for (code, name) in countries(Lang::Fr) {
            let letters: [u8; 2] = code.as_bytes().try_into().unwrap();
            assert!(
                trunkguard_core::number::is_country(letters),
                "{code} {name}"
            );
        }
        assert_eq!(country("DE", Lang::Fr), "Allemagne");
        assert_eq!(country("DE", Lang::En), "Germany");
        assert_eq!(country("??", Lang::En), "??");
        let names = countries(Lang::Fr);
        let at = |code| names.iter().position(|(known, _)| *known == code);
        assert!(at("EG") < at("ES"), "Égypte stands before Espagne");
    }
}
