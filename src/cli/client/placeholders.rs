//! Names in braces in the command of a client, for which something else stands when it is started.

/// All that there are.
const NAMES: &[&str] = &["host", "port", "message", "message-hex", "message-file"];

/// The word with what stands for its placeholders. What that holds is not looked at again.
pub(super) fn filled<T: AsRef<str>>(word: &str, value: impl Fn(&str) -> Option<T>) -> String {
    let mut filled = String::new();
    let mut rest = word;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find('}').map_or(rest.len(), |end| end + 1);
        let name = rest[..end].strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        match name.and_then(&value) {
            Some(value) => filled.push_str(value.as_ref()),
            None => filled.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    filled + rest
}

/// A name in braces that is no placeholder. A script of several words, and a variable of a shell, may have braces of
/// its own.
pub(super) fn unknown(word: &str) -> Option<&str> {
    if word.contains(char::is_whitespace) {
        return None;
    }
    let inside = |(at, _): (usize, &str)| {
        let name = word[at + 1..].split_once('}')?.0;
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|other| other.is_ascii_alphanumeric() || "-_".contains(other));
        (is_name && !word[..at].ends_with('$') && !NAMES.contains(&name)).then_some(name)
    };
    word.match_indices('{').find_map(inside)
}

/// What is said of it.
pub(super) fn complaint(name: &str) -> String {
    let all: Vec<_> = NAMES.iter().map(|name| format!("{{{name}}}")).collect();
    format!("`{{{name}}}` in the command of the client stands for nothing\n\n  right: {}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_there_is_not_is_found_and_other_braces_are_left() {
        assert_eq!(unknown("--say={msg}"), Some("msg"));
        assert_eq!(unknown("{host}:{Port}"), Some("Port"));
        for right in
            ["{host}:{port}", "${PORT}", "{print $1}", "{}", "{1}", "{\"a\":1}", "sh {x} {port}", "{port", "x}"]
        {
            assert_eq!(unknown(right), None, "{right}");
        }
    }
}
