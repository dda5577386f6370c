//! French, as it is written in Canada.

use super::Said;

pub(super) const OTHER: Said = (
    "Un événement à examiner",
    "Le boîtier a noté un événement que ce texte ne connaît pas par son nom.",
    "Ouvrez la page du boîtier, ou lancez `trunkguard alerts`.",
);

pub(super) fn of(kind: &str) -> Option<Said> {
    calls(kind).or_else(|| the_box(kind))
}

fn calls(kind: &str) -> Option<Said> {
    Some(match kind {
        super::EMERGENCY_CALL => (
            "Un appel d'urgence a été fait",
            "Quelqu'un a appelé un numéro d'urgence, et l'appel est parti.",
            "Voyez qui a appelé et ce qui ne va pas, ouvrez aux secours et conduisez-les. Si c'était une erreur, dites-le au service \
             d'urgence : un appel raccroché peut amener une patrouille.",
        ),
        "country" => (
            "Appels vers un pays non autorisé",
            "Un poste a appelé un pays que la politique n'autorise pas.",
            "Si le bureau n'a pas fait ces appels, changez le mot de passe du poste et cherchez un téléphone inconnu ; sinon, \
             ajoutez le pays à allow.countries ou le numéro à allow.numbers.",
        ),
        "kind" => (
            "Appels vers un type de numéro bloqué",
            "Un poste a appelé un numéro surtaxé, satellite ou d'un autre type que la politique bloque.",
            "Si le bureau n'a pas fait ces appels, changez le mot de passe du poste et cherchez un téléphone inconnu ; sinon, \
             ajoutez le numéro à allow.numbers.",
        ),
        "prefix" => (
            "Appels vers un préfixe bloqué",
            "Un poste a appelé un numéro dont la politique bloque le préfixe ou le motif.",
            "Si l'appel est voulu, ajoutez un préfixe plus long à allow.prefixes.",
        ),
        "number" => (
            "Appels vers un numéro bloqué",
            "Un poste a appelé un numéro que la politique bloque nommément ou par une liste.",
            "Si l'appel est voulu, retirez le numéro de la liste ou ajoutez-le à allow.numbers.",
        ),
        "simultaneous" => (
            "Trop d'appels en même temps",
            "Un poste, ou tout le central, a eu plus d'appels simultanés que la politique n'en permet.",
            "Si le bureau n'était pas si occupé, quelqu'un d'autre appelle : changez le mot de passe du poste. Sinon, relevez la limite.",
        ),
        "per-minute" => (
            "Trop d'appels en une minute",
            "Un poste, ou tout le central, a fait plus d'appels en une minute que la politique n'en permet.",
            "Si personne au bureau ne l'a fait, un programme appelle : changez le mot de passe du poste. Sinon, relevez la limite.",
        ),
        "per-hour" => (
            "Trop d'appels en une heure",
            "Un poste, ou tout le central, a fait plus d'appels en une heure que la politique n'en permet.",
            "Si personne au bureau ne l'a fait, quelqu'un d'autre appelle : changez le mot de passe du poste. Sinon, relevez la limite.",
        ),
        "per-day" => (
            "Trop d'appels en un jour",
            "Un poste, ou tout le central, a fait plus d'appels en un jour que la politique n'en permet. À l'étranger, quand le \
             bureau est fermé, la limite d'origine est zéro.",
            "Si personne au bureau ne l'a fait, quelqu'un d'autre appelle : changez le mot de passe du poste. Sinon, relevez la limite.",
        ),
        "same-number" => (
            "Le même numéro encore et encore",
            "Un poste a appelé le même numéro plus souvent que la politique ne le permet en peu de temps.",
            "Une touche de recomposition coincée le fait, un programme aussi. Regardez le téléphone ; relevez same_number si c'est voulu.",
        ),
        "spellings" => (
            "Un numéro composé de plusieurs façons",
            "Un poste a composé un même numéro de plusieurs façons, comme quelqu'un qui cherche comment sortir.",
            "Quelqu'un essaie le plan de numérotation : changez le mot de passe du poste et cherchez un téléphone inconnu.",
        ),
        "sequential" => (
            "Des numéros qui se suivent",
            "Un poste a appelé des numéros qui se suivent, comme un programme qui cherche ceux qui rapportent.",
            "Changez le mot de passe du poste et cherchez un téléphone inconnu ; relevez sequential si c'est voulu.",
        ),
        "tampering" => (
            "Un téléphone a écrit dans la demande du central",
            "Des en-têtes ont été glissés dans une demande par un nom ou un User-Agent, pour contourner la politique.",
            "C'est une attaque. Trouvez le téléphone, changez le mot de passe de son poste et filtrez les noms dans le plan de \
             numérotation (docs/pbx.md).",
        ),
        "scanner" => (
            "Un téléphone au nom d'un outil d'attaque",
            "Un appel vient d'un téléphone dont le User-Agent est celui d'un outil d'attaque.",
            "Un inconnu a le mot de passe du poste : changez-le. Si le téléphone est le vôtre, désactivez la règle pour ce poste.",
        ),
        "network" => (
            "Un téléphone hors des réseaux autorisés",
            "Un poste a appelé d'une adresse hors des réseaux d'où les téléphones peuvent appeler.",
            "Si le téléphone n'est pas le vôtre, changez le mot de passe du poste ; sinon, ajoutez son réseau à `networks`.",
        ),
        "new-country" => (
            "Premier appel vers un pays",
            "Le bureau a appelé un pays pour la première fois.",
            "Si l'appel n'est pas le vôtre, regardez le poste ; sinon il n'y a rien à faire.",
        ),
        "new-phone" => (
            "Un poste sur un téléphone jamais vu",
            "Un poste a appelé d'une adresse ou avec un User-Agent qu'il n'avait jamais eus.",
            "Si personne n'a de nouveau téléphone, changez le mot de passe du poste.",
        ),
        "not-a-number" => (
            "Appels vers ce qui n'est pas un numéro",
            "Ce qui a été composé n'est pas un numéro selon le number_format du client.",
            "Un ou deux sont des fautes de frappe. Beaucoup : number_format ne va pas avec le plan de numérotation.",
        ),
        "lockdown" => (
            "Appels pendant le verrouillage",
            "Des appels ont été tentés pendant le verrouillage, où seuls passent les urgences et always_allow.",
            "Quittez le verrouillage quand sa raison a disparu.",
        ),
        "loop" => (
            "Des appels qui reviennent au boîtier",
            "Le central a envoyé au boîtier un numéro qui porte déjà le préfixe du boîtier.",
            "Regardez le plan de numérotation : un appel approuvé doit aller au fournisseur et non revenir au boîtier.",
        ),
        _ => return None,
    })
}

fn the_box(kind: &str) -> Option<Said> {
    Some(match kind {
        "firewall" => (
            "Les règles du pare-feu ne sont pas celles voulues",
            "Les règles pour les paquets n'ont pu être chargées comme il faut ; celles d'avant restent en vigueur.",
            "Lancez `trunkguard doctor` ; il nomme ce qui manque.",
        ),
        "firewall-changed" => (
            "Un autre programme a modifié le pare-feu",
            "Les règles du boîtier ont été modifiées par autre chose, puis remises en place.",
            "Cherchez quel programme le fait ; sur le boîtier il ne devrait pas y en avoir.",
        ),
        "pop-dead" => (
            "Un point de présence ne répond plus",
            "Un serveur VoIP.ms que le bureau utilise ne répond plus.",
            "Regardez d'abord la ligne Internet ; choisissez ensuite un autre point de présence dans le central et chez VoIP.ms.",
        ),
        "pop-elsewhere" => (
            "Un point de présence a une adresse inconnue",
            "Le DNS a donné une adresse hors de la plage connue de VoIP.ms. Elle n'est pas permise tant que vous ne le dites pas.",
            "Comparez-la avec ce que dit voip.ms, puis approuvez-la ou refusez-la (`trunkguard pops`).",
        ),
        "pop-answers" => (
            "Réponses étranges du DNS",
            "Des réponses pour les noms de VoIP.ms n'ont pas été prises telles quelles.",
            "Une fois n'est rien. Si cela dure, regardez le serveur DNS du bureau.",
        ),
        "box-network" => (
            "Le réseau du boîtier reste comme avant",
            "Ce que les réglages disent du réseau du boîtier n'a pu être fait.",
            "Corrigez [network] ou [firewall] comme le dit le texte ci-dessous.",
        ),
        "restored" => (
            "Le boîtier utilise ce qu'il avait avant",
            "Un fichier du boîtier était abîmé ou perdu, et la dernière bonne copie est en vigueur.",
            "Relisez les réglages et appliquez-les de nouveau. Si cela se répète, remplacez la carte.",
        ),
        "state-in-memory" => (
            "La carte ne peut être utilisée",
            "Le boîtier tourne en mémoire : ce qui est réglé et décidé est oublié à la coupure du courant.",
            "Remplacez la carte.",
        ),
        "journal-full" => (
            "L'historique a des trous",
            "Les appels sont venus plus vite que la carte ne les prend.",
            "Si le bureau n'était pas si occupé, un programme appelle ; sinon la carte est usée : remplacez-la.",
        ),
        "history-damaged" => (
            "L'historique était abîmé",
            "L'historique des appels était illisible ; un nouveau est commencé et l'ancien est gardé à part.",
            "Si cela se répète, remplacez la carte.",
        ),
        "history-failed" => (
            "Des appels n'ont pas été notés",
            "La carte ne prenait rien, et des appels de ce temps manquent à l'historique.",
            "Libérez de la place sur la carte, ou remplacez-la.",
        ),
        "history-removed" => (
            "L'historique a été enlevé",
            "Le fichier de l'historique a été enlevé pendant que le boîtier tournait ; un nouveau est commencé.",
            "Cherchez qui l'a fait.",
        ),
        "alerts-undelivered" => (
            "Des alertes n'arrivent pas",
            "Un canal d'alertes ne les prend pas, ou en a refusé une pour de bon.",
            "Corrigez le canal dans [alerts] comme le dit le texte ci-dessous, puis lancez `trunkguard alerts test`.",
        ),
        "update-failed" => (
            "Une mise à jour n'a pas réussi",
            "Une nouvelle version n'a pas été installée, ou a été essayée puis abandonnée ; la version précédente tourne, et les appels reçoivent leur réponse.",
            "Rien ne presse : la version suivante sera essayée d'elle-même. La page en donne la raison sous Boîtier, Mises à jour.",
        ),
        "update-available" => (
            "Une nouvelle version peut être installée",
            "Il y a une version plus récente pour ce boîtier, et la politique veut qu'une personne décide.",
            "Voyez ce qui change et installez-la sur la page sous Boîtier, Mises à jour, ou lancez `trunkguard update install`.",
        ),
        "updated" => (
            "Le boîtier a une nouvelle version",
            "Une mise à jour a été installée, essayée et confirmée : les appels reçoivent leur réponse, les règles sont en vigueur, la page est servie.",
            "Rien. Si quelque chose n'est pas comme vous le voulez, revenez en arrière sur la page sous Boîtier, Mises à jour.",
        ),
        _ => return None,
    })
}
