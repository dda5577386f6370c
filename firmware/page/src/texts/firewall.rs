use super::texts;

texts! {
    /// The firewall.
    Firewall {
        title: "Firewall" / "Pare-feu",
        back: "Back to the firewall" / "Retour au pare-feu",
        rules: "Rules" / "Règles",
        in_force: "in force" / "en vigueur",
        counts_only: "in force, counting only (Detect)" / "en vigueur, comptage seul (Détection)",
        not_in_force: "not in force" / "pas en vigueur",
        dry_run: "none is loaded (trial run)" / "aucune n’est chargée (essai)",
        why_not: "The rules are not those that were set:" / "Les règles ne sont pas celles qui ont été réglées :",
        plugged: "Plugged in" / "Branchement",
        side: "beside the PBX" / "à côté du PBX",
        router: "as the office’s router" / "comme routeur du bureau",
        bridge: "between router and PBX" / "entre le routeur et le PBX",
        allow_list: "Networks on the allow-list" / "Réseaux permis",
        counted: "Packets" / "Paquets",
        dropped: "{} packets were dropped" / "{} paquets ont été rejetés",
        would_be_dropped: "{} packets would have been dropped" / "{} paquets auraient été rejetés",
        pops: "VoIP.ms’s servers (PoPs)" / "Serveurs de VoIP.ms (PoP)",
        ruleset: "Rules as text" / "Règles en texte",
        ruleset_hint: "The nftables script that is to be in force, for people who read it." / "Le script nftables qui doit être en vigueur, pour ceux qui le lisent.",
        no_ruleset: "There is none." / "Il n’y en a pas.",
        drops: "What was dropped" / "Ce qui a été rejeté",
        drops_hint: "Counts are exact. Addresses come from samples: senders that are named sent such packets, or somebody forged them." / "Les nombres sont exacts. Les adresses viennent d’échantillons : ces expéditeurs ont envoyé de tels paquets, ou quelqu’un les a falsifiés.",
        table_dropped: "Dropped between the internet and the PBX" / "Rejeté entre Internet et le PBX",
        table_would: "Prevent would have dropped, between the internet and the PBX" / "La Prévention aurait rejeté, entre Internet et le PBX",
        table_always: "Dropped in every mode" / "Rejeté dans tous les modes",
        table_passed: "Passed" / "Passé",
        nothing_dropped: "Nothing yet." / "Rien pour l’instant.",
        no_report: "No rule is loaded, and nothing is counted." / "Aucune règle n’est chargée, et rien n’est compté.",
        what: "What" / "Quoi",
        how_many: "How many" / "Combien",
        examples: "Examples" / "Exemples",
        bans: "Bans" / "Bannissements",
        bans_hint: "Who scans is kept out for a while, and for longer each time. Servers of VoIP.ms, your PBX, your phones and the office never are." / "Qui sonde est écarté un moment, chaque fois plus longtemps. Jamais les serveurs de VoIP.ms, votre PBX, vos téléphones ni le bureau.",
        nobody: "Nobody is banned." / "Personne n’est banni.",
        address: "Address" / "Adresse",
        banned_from: "From" / "De",
        from_sip: "calls (SIP)" / "appels (SIP)",
        from_page: "this page" / "cette page",
        left: "Ends in" / "Finit dans",
        why: "Why" / "Pourquoi",
        lift: "Lift" / "Lever",
        by_hand: "by hand" / "à la main",
        ban_somebody: "Ban an address" / "Bannir une adresse",
        for_hours: "For hours" / "Pendant (heures)",
        ban: "Ban" / "Bannir",
        said_banned: "The address is banned." / "L’adresse est bannie.",
        said_unbanned: "The ban is lifted, and forgiven." / "Le bannissement est levé et pardonné.",
        said_done: "Done." / "C’est fait.",
        never: "Who is never banned" / "Qui n’est jamais banni",
        never_hint: "Take an address out of the settings first, if it has to be banned." / "Retirez d’abord l’adresse des réglages, s’il faut la bannir.",
        never_pop: "VoIP.ms" / "VoIP.ms",
        never_client: "PBX that asks" / "PBX qui interroge",
        never_pbx: "PBX" / "PBX",
        never_remote: "remote phones" / "téléphones distants",
        never_office: "office" / "bureau",
        never_other: "router, DNS, or the box" / "routeur, DNS ou le boîtier",
        seconds: "{} s" / "{} s",
        minutes: "{} min" / "{} min",
        hours: "{} h" / "{} h",
        days: "{} days" / "{} jours",
        asked: "To be decided" / "À décider",
        asked_hint: "DNS gave these addresses for servers of VoIP.ms, and they are outside of the range that VoIP.ms has used for years. Either VoIP.ms has moved, or somebody answers in its place. Look at VoIP.ms’s own list of servers before you allow one; until then none of them may reach the PBX." / "Le DNS a donné ces adresses pour des serveurs de VoIP.ms, hors de la plage que VoIP.ms utilise depuis des années. Soit VoIP.ms a déménagé, soit quelqu’un répond à sa place. Consultez la liste des serveurs de VoIP.ms avant d’en permettre une ; d’ici là aucune n’atteint le PBX.",
        disagree: "the DNS servers disagree" / "les serveurs DNS ne sont pas d’accord",
        approve: "It is VoIP.ms: allow" / "C’est VoIP.ms : permettre",
        refuse: "Never allow" / "Ne jamais permettre",
        pops_hint: "Only these servers reach your PBX, and it reaches no other carrier. Their addresses are followed in DNS; how fast each one answers is measured." / "Seuls ces serveurs atteignent votre PBX, et il n’atteint aucun autre opérateur. Leurs adresses sont suivies dans le DNS ; la vitesse de réponse de chacun est mesurée.",
        nearest: "The nearest that answers:" / "Le plus proche qui répond :",
        add_pop: "Server, address or network" / "Serveur, adresse ou réseau",
        add: "Add" / "Ajouter",
        add_hint: "Add only what VoIP.ms itself has told you: a name is followed in DNS, an address or network is allowed at once." / "N’ajoutez que ce que VoIP.ms vous a dit : un nom est suivi dans le DNS, une adresse ou un réseau est permis aussitôt.",
        refresh: "Ask DNS now" / "Interroger le DNS maintenant",
        decided: "What was decided" / "Ce qui a été décidé",
        subject: "On" / "Sur",
        decision: "Decision" / "Décision",
        approved: "allowed" / "permis",
        refused: "never allowed" / "jamais permis",
        by: "By" / "Par",
        forget: "Take back" / "Annuler",
        followed: "Servers that are followed" / "Serveurs suivis",
        name: "Name" / "Nom",
        addresses: "Addresses" / "Adresses",
        round_trip: "Round trip" / "Aller-retour",
        recommended: "recommended" / "recommandé",
        from_dns: "DNS" / "DNS",
        built_in: "built in" / "intégrée",
        dead: "no answer" / "pas de réponse",
        answers: "answers" / "répond",
        not_asked: "not asked yet" / "pas encore sondé",
    }
}

impl Firewall {
    /// What somebody is who is never banned.
    pub fn never_what(&self, what: &str) -> &'static str {
        match what {
            "pop" => self.never_pop,
            "client" => self.never_client,
            "pbx" => self.never_pbx,
            "remote" => self.never_remote,
            "office" => self.never_office,
            _ => self.never_other,
        }
    }
}

/// What a rule counts, and what to do about it, in French; the English is the core's (`core::report::words`).
pub fn dropped_in_french(rule: &str) -> Option<(&'static str, &'static str)> {
    let known = FRENCH.iter().find(|(name, ..)| *name == rule);
    known.map(|(_, what, remedy)| (*what, *remedy))
}

const FRENCH: [(&str, &str, &str); 25] = [
    (
        "outside-sip",
        "SIP ou IAX2 vers votre PBX qui ne vient pas de VoIP.ms",
        "Des robots, en général : rien à faire. Un de vos téléphones parmi eux : ajoutez son réseau à firewall.remote. Une adresse de VoIP.ms parmi eux : voyez la page des serveurs.",
    ),
    (
        "outside-rtp",
        "de l’audio (UDP) vers votre PBX qui n’appartient à aucun appel de la ligne",
        "Des appels où le bureau n’entend rien : l’adresse du fournisseur est-elle parmi les serveurs, et firewall.rtp est-il la plage audio du PBX ?",
    ),
    (
        "outside-other",
        "d’autres ports de l’intérieur, ouverts à Internet jusqu’ici",
        "Si quelqu’un en a besoin du dehors (page web, entretien), qu’il passe par un VPN ou le portail du fournisseur ; la Prévention les ferme.",
    ),
    (
        "outside-spoofed",
        "des paquets du dehors qui portent une adresse de l’intérieur ou privée",
        "Quelques-uns sont du bruit. Beaucoup : les deux ports sont inversés, ou il y a un autre réseau privé dehors (un second routeur) ; voyez le diagnostic.",
    ),
    (
        "outside-invalid",
        "des paquets de connexions que le boîtier ne connaît pas",
        "Normal après un redémarrage, en petit nombre. Beaucoup, et des appels coupés : deux chemins mènent au PBX, et l’un contourne le boîtier.",
    ),
    (
        "pbx-sip",
        "SIP ou IAX2 de l’intérieur vers un serveur qui n’est pas de VoIP.ms",
        "Si c’est un opérateur que vous utilisez, ses appels cessent avec la Prévention. Si personne ne le connaît, votre PBX est peut-être piraté : regardez ses lignes et son journal maintenant.",
    ),
    (
        "pbx-udp",
        "d’autre UDP de votre PBX, peut-être l’audio d’un autre opérateur",
        "Un VPN ou STUN du PBX que vous connaissez : réglez firewall.from_pbx = \"any\". Sinon, cherchez ce que le PBX y fait.",
    ),
    (
        "pbx-other",
        "autre trafic de votre PBX",
        "Mises à jour, courriel et semblables demandent firewall.from_pbx = \"web\" ; tout le reste \"any\".",
    ),
    (
        "box-sip",
        "SIP vers le boîtier de quelqu’un qui n’est pas un PBX de la politique",
        "Votre PBX parmi eux : écrivez son adresse dans la politique. Les autres : rien à faire.",
    ),
    (
        "box-page",
        "web ou SSH vers le boîtier du dehors du bureau",
        "Vous-même parmi eux : ajoutez votre réseau à firewall.office (privés seulement) ; d’ailleurs, passez par un VPN.",
    ),
    (
        "outside-banned",
        "SIP, IAX2 ou audio de quelqu’un qui est banni",
        "La liste ci-dessous dit qui et pourquoi.",
    ),
    (
        "page-banned",
        "des connexions à la page de quelqu’un qui en est banni",
        "La liste ci-dessous dit qui et pourquoi.",
    ),
    (
        "box-spoofed",
        "des paquets du dehors vers le boîtier qui portent l’adresse du PBX",
        "Beaucoup : les deux ports sont inversés ; voyez le diagnostic.",
    ),
    (
        "box-invalid",
        "des paquets vers le boîtier de connexions qu’il ne connaît pas",
        "",
    ),
    ("box-other", "toute autre chose vers le boîtier", ""),
    (
        "forward-other",
        "des trames qui ne sont pas IP, ou entre d’autres ports du boîtier",
        "Un VLAN entre le PBX et le routeur parmi elles : le boîtier ne passe que des trames sans étiquette.",
    ),
    ("pops-in", "VoIP.ms vers votre PBX", ""),
    ("pops-out", "de l’intérieur vers VoIP.ms", ""),
    ("remote-in", "téléphones distants vers votre PBX", ""),
    (
        "remote-out",
        "de l’intérieur vers les téléphones distants",
        "",
    ),
    ("office-in", "le bureau à travers le boîtier", ""),
    ("office-out", "SIP et audio de votre PBX vers le bureau", ""),
    ("pbx-out", "autre trafic de votre PBX", ""),
    ("clients-in", "les PBX qui interrogent le boîtier", ""),
    ("page-in", "le bureau vers la page ou SSH", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_report_has_french_words_and_no_other() {
        for (rule, ..) in FRENCH {
            let known = trunkguard_core::report::words(rule);
            assert_eq!(known.rule, rule);
            let (_, remedy) = dropped_in_french(rule).unwrap();
            assert_eq!(remedy.is_empty(), known.remedy.is_empty(), "{rule}");
        }
        assert_eq!(dropped_in_french("made-up"), None);
    }
}
