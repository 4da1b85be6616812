//! What must not reach a terminal or a file as it is.

use std::borrow::Cow;

/// The same text with control characters, and those that hide or reorder what stands around them, made visible.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|c| if is_hidden(c) { c.escape_default().to_string() } else { c.to_string() });
    Cow::Owned(escaped.collect())
}

/// Control characters, and the invisible ones that change direction, join, or end a line (Unicode TR 36).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_become_visible_and_the_rest_stays() {
        assert_eq!(visible("a\u{1b}[2Jb\r\n\u{9b}"), r"a\u{1b}[2Jb\r\n\u{9b}");
        assert_eq!(visible("\u{202e}txt.exe"), r"\u{202e}txt.exe");
        assert_eq!(visible(r#"→ "\x00" é"#), r#"→ "\x00" é"#);
    }
}
