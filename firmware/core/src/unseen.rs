//! Characters that nobody sees, and that make what stands around them look like something else: for whatever shows text that
//! comes from outside.

/// Does it break lines, order a terminal about, turn the direction of reading around (UAX 9), or take no room at all?
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Joiners and marks; line and paragraph separators, embeddings and overrides; word joiner to isolates.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Byte order mark, interlinear marks, tags.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_left_alone() {
        assert!(
            "Chloé d’Or 日本 \u{a0}é <b>\"'"
                .chars()
                .all(|c| !is_unseen(c))
        );
        let unseen =
            "\0\t\n\u{1b}\u{7f}\u{9b}\u{ad}\u{200b}\u{202e}\u{2028}\u{2066}\u{feff}\u{e0041}";
        assert!(unseen.chars().all(is_unseen));
    }
}
