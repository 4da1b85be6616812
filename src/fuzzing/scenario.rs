//! The target `scenario`: YAML that somebody wrote.

use crate::scenario::parse;

/// The law of the target `scenario`: any text loads or is refused with a message; what loads is printed and loads again
/// to the same.
pub fn scenario(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match parse("fuzzed", "fuzzed.yaml", text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(scenario) => {
            let printed = scenario.to_yaml();
            let again = parse("fuzzed", "printed.yaml", &printed);
            let again = again.unwrap_or_else(|error| panic!("{error}\n{printed}"));
            assert_eq!(again, scenario, "{printed}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_holds_for_what_comes_along() {
        for scenario in crate::scenario::builtin().unwrap() {
            self::scenario(scenario.to_yaml().as_bytes());
        }
    }

    #[test]
    fn the_law_holds_for_what_was_cut_off_or_damaged() {
        let text = include_str!("../scenario/tests/everything.yaml");
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            scenario(&text.as_bytes()[..end]);
            let mut damaged = text.as_bytes().to_vec();
            damaged[end] ^= 0x15;
            scenario(&damaged);
        }
    }
}
