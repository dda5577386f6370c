use super::texts;

texts! {
    /// The first page.
    Home {
        title: "Home" / "Accueil",
        well: "All is well." / "Tout va bien.",
        look: "Something needs a look." / "Quelque chose demande votre attention.",
        mode: "Mode" / "Mode",
        calls: "{} calls decided since the start, {} of them refused" / "{} appels décidés depuis le démarrage, dont {} refusés",
    }
}
