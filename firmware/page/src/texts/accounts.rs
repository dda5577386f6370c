use super::texts;

texts! {
    /// Logging in, and the owner's first password.
    Accounts {
        log_in: "Log in" / "Se connecter",
        name: "Name" / "Nom",
        password: "Password" / "Mot de passe",
        wrong: "Name, password or code is not right." / "Le nom, le mot de passe ou le code est inexact.",
        one_time: "One-time code" / "Code à usage unique",
        one_time_hint: "Six digits from your authenticator app; leave it empty if your account has none." / "Six chiffres de votre application d’authentification ; laissez vide si votre compte n’en a pas.",
        confirm: "Type your password again" / "Retapez votre mot de passe",
        go_on: "Go on" / "Continuer",
        confirm_why: "What comes next gives a secret away or cannot be taken back, so the box makes sure that it is you." / "La suite révèle un secret ou ne peut être annulée ; le boîtier s’assure donc que c’est bien vous.",
        forgotten: "Forgotten? Hold the box’s button for 9 to 12 seconds: a new password can be set for ten minutes." / "Oublié ? Tenez le bouton du boîtier de 9 à 12 secondes : un nouveau mot de passe peut être choisi pendant dix minutes.",
        set_up: "Set up this box" / "Configurer ce boîtier",
        set_up_why: "Nobody has a password for this box yet, and there is none that it came with." / "Personne n’a encore de mot de passe pour ce boîtier, et il n’en existe pas par défaut.",
        presence: "Show that you stand in front of it: hold its button for 9 to 12 seconds, or type the code that it printed when it started." / "Montrez que vous êtes devant : tenez son bouton de 9 à 12 secondes, ou tapez le code qu’il a affiché au démarrage.",
        code: "Code" / "Code",
        code_hint: "Not needed while the set-up window is open by the button." / "Inutile pendant que la fenêtre de configuration est ouverte par le bouton.",
        new_password: "New password" / "Nouveau mot de passe",
        new_password_hint: "At least 12 characters; a sentence is fine." / "Au moins 12 caractères ; une phrase convient.",
        again: "Once more" / "Encore une fois",
        differ: "The two passwords differ." / "Les deux mots de passe diffèrent.",
        short: "The password is too short: at least 12 characters." / "Le mot de passe est trop court : au moins 12 caractères.",
        long: "The password is too long: at most 128 characters." / "Le mot de passe est trop long : au plus 128 caractères.",
        common: "This password is one of those that are tried first. Choose another." / "Ce mot de passe est l’un des premiers essayés. Choisissez-en un autre.",
        no_presence: "Nobody has shown to stand in front of the box: the code is not right, and the set-up window is not open." / "Personne n’a montré être devant le boîtier : le code est inexact et la fenêtre de configuration est fermée.",
        begin: "Set the password and go on" / "Choisir le mot de passe et continuer",
    }
}
