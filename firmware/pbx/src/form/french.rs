//! What to write instead, in French. English has a sentence for each mistake; French one for each field.

/// The remedy for a field that is not right.
pub fn remedy(field: &str) -> &'static str {
    match field {
        "pbx" => "choisissez freepbx, asterisk-pjsip, asterisk-chan-sip ou freeswitch",
        "freepbx" => "écrivez la version majeure de FreePBX, de 13 à 17, et rien pour un autre PBX",
        "driver" => "écrivez pjsip ou chan-sip, et rien pour un PBX autre que FreePBX",
        "method" => "choisissez redirect ou failover",
        "to_box" => "choisissez udp, tcp ou tls",
        "to_voipms" => "choisissez udp, tcp, tls ou iax2",
        "login" => "choisissez register ou address",
        "the_box" => {
            "écrivez l’adresse IPv4 du boîtier, par exemple 192.168.1.20 ou 192.168.1.20:5060"
        }
        "pbx_address" => "écrivez l’adresse IPv4 du PBX, par exemple 192.168.1.10",
        "name" => "écrivez un nom de 1 à 64 caractères",
        "account" => "écrivez le nom du sous-compte, par exemple 100000_office",
        "pop" => "écrivez un point de présence de VoIP.ms, par exemple montreal10.voip.ms",
        "did" | "caller_id" => {
            "écrivez dix chiffres sans le 1, sans points, tirets ni espaces, avec un indicatif qui existe"
        }
        "ring" => "écrivez un poste de 2 à 8 chiffres, par exemple 1001",
        "context" => "écrivez le nom entre crochets, par exemple from-internal",
        "country" => "écrivez deux lettres, par exemple CA",
        "area_code" => "écrivez trois chiffres d’un indicatif qui existe, ou rien",
        "outside_prefix" => "écrivez jusqu’à quatre chiffres, par exemple 9, ou rien",
        "when_away" => "choisissez closed ou open",
        "deny_code" => "écrivez 603, 486 ou 600, ou rien",
        "prefix" => {
            "écrivez trois caractères, par exemple A00 : une lettre (ni N, X ni Z), puis des lettres ou chiffres"
        }
        "emergency" => "écrivez au plus 16 numéros de 2 à 6 chiffres, par exemple 999",
        "own_trunk" => "écrivez POSTE:COMPTE, par exemple 1002:100000_front",
        _ => "corrigez-le",
    }
}
