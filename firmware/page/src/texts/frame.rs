use super::texts;

texts! {
    /// What stands around every page.
    Frame {
        product: "Trunkguard" / "Trunkguard",
        skip: "Skip to the content" / "Aller au contenu",
        menu: "Menu" / "Menu",
        home: "Home" / "Accueil",
        calls: "Calls" / "Appels",
        policy: "Policy" / "Politique",
        firewall: "Firewall" / "Pare-feu",
        alerts: "Alerts" / "Alertes",
        pbx: "PBX" / "PBX",
        box_: "Box" / "Boîtier",
        settings: "Settings" / "Réglages",
        diagnostics: "Diagnostics" / "Diagnostic",
        backup: "Backup" / "Sauvegarde",
        log_out: "Log out" / "Se déconnecter",
        language: "Language" / "Langue",
        theme: "Theme" / "Thème",
        theme_auto: "As the device" / "Comme l’appareil",
        theme_light: "Light" / "Clair",
        theme_dark: "Dark" / "Sombre",
        problem: "That did not work" / "Cela n’a pas fonctionné",
        not_found: "Not here" / "Introuvable",
        not_found_why: "There is nothing at this address (any more)." / "Il n’y a rien à cette adresse (ou plus rien).",
        busy_why: "Too many attempts; try again in {} seconds." / "Trop de tentatives ; réessayez dans {} secondes.",
        forbidden: "Not allowed" / "Non autorisé",
        busy: "One moment" / "Un instant",
        unavailable: "The box cannot do this now" / "Le boîtier ne peut pas le faire maintenant",
        back_home: "Back to the first page" / "Retour à l’accueil",
        save: "Save" / "Enregistrer",
        cancel: "Cancel" / "Annuler",
        viewer: "You can look, but not change anything." / "Vous pouvez consulter, mais rien modifier.",
    }
}
