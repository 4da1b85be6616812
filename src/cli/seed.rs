//! The seed that everything random follows from.

/// As it was given, and the number that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seed {
    /// As given, so that the report repeats it.
    pub(super) text: String,
    /// What generators begin with.
    pub(super) number: u64,
}

impl Seed {
    /// A number stands for itself; any other text, such as a commit hash, is hashed (FNV-1a, 64 bits: the same on every
    /// machine and in every version).
    pub(super) fn new(text: &str) -> Self {
        let hash =
            || text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| plain).unwrap_or_else(hash);
        Self { text: text.into(), number }
    }
}

const PRIME: u64 = 0x0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn a_number_stands_for_itself_and_a_text_for_its_hash() {
        assert_eq!(Seed::new("42").number, 42);
        assert_eq!(Seed::new("").number, 0xcbf2_9ce4_8422_2325);
        assert_eq!(Seed::new("foobar").number, 0x8594_4171_f739_67e8, "the published test vector of FNV-1a");
        assert_eq!(Seed::new("99999999999999999999999").text, "99999999999999999999999");
        assert_ne!(Seed::new("+42").number, 42);
    }
}
