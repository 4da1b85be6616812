//! Families: places in a scenario where one case becomes several.
//!
//! Compiling asks for a choice wherever there is one, and is done again until every combination was taken: an
//! odometer whose wheels are found while it turns.

/// The choices of one pass.
#[derive(Debug, Default)]
pub(super) struct Choices {
    taken: Vec<Choice>,
    /// What to choose first, second and so on; after that always the first possibility.
    planned: Vec<usize>,
}

/// One choice that was made.
#[derive(Debug)]
struct Choice {
    /// Where in the scenario.
    at: usize,
    kind: &'static str,
    index: usize,
    width: usize,
    label: String,
    words: String,
}

impl Choices {
    /// Chooses one of `width` possibilities. The same place asked again in one pass gets the same answer.
    pub(super) fn choose(&mut self, at: usize, kind: &'static str, width: usize) -> usize {
        if let Some(choice) = self.taken.iter().find(|choice| choice.at == at && choice.kind == kind) {
            return choice.index.min(width - 1);
        }
        let index = self.planned.get(self.taken.len()).copied().unwrap_or(0).min(width - 1);
        self.taken.push(Choice { at, kind, index, width, label: String::new(), words: String::new() });
        index
    }

    /// Says what the last choice means: in an id, and in words.
    pub(super) fn name(&mut self, at: usize, kind: &'static str, label: String, words: String) {
        let unnamed = |choice: &&mut Choice| choice.at == at && choice.kind == kind && choice.label.is_empty();
        if let Some(choice) = self.taken.iter_mut().find(unnamed) {
            (choice.label, choice.words) = (label, words);
        }
    }

    /// `cut=3`, `cut2=5` and so on.
    pub(super) fn labels(&self) -> Vec<String> {
        let label = |(index, choice): (usize, &Choice)| {
            let earlier = self.taken[..index].iter().filter(|other| other.kind == choice.kind).count();
            let number = if earlier == 0 { String::new() } else { (earlier + 1).to_string() };
            format!("{}{number}={}", choice.kind, choice.label)
        };
        self.taken.iter().enumerate().map(label).collect()
    }

    /// What was chosen, in words.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.taken.iter().map(|choice| choice.words.as_str())
    }

    /// Plans the next combination; false after the last one.
    pub(super) fn advance(&mut self) -> bool {
        let Some(wheel) = self.taken.iter().rposition(|choice| choice.index + 1 < choice.width) else { return false };
        self.planned = self.taken[..wheel].iter().map(|choice| choice.index).collect();
        self.planned.push(self.taken[wheel].index + 1);
        self.taken.clear();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_taken_once_even_where_one_choice_leads_to_another() {
        let mut choices = Choices::default();
        let mut seen = Vec::new();
        loop {
            let first = choices.choose(1, "cut", 3);
            choices.name(1, "cut", first.to_string(), String::new());
            if first == 1 {
                let second = choices.choose(2, "cut", 2);
                choices.name(2, "cut", second.to_string(), String::new());
            }
            assert_eq!(choices.choose(1, "cut", 3), first);
            seen.push(choices.labels().join(","));
            if !choices.advance() {
                break;
            }
        }
        assert_eq!(seen, ["cut=0", "cut=1,cut2=0", "cut=1,cut2=1", "cut=2"]);
    }
}
