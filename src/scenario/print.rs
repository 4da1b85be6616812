//! From a scenario back to the text of a file.

use super::Scenario;

impl Scenario {
    /// The text of a file that loads to the same.
    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("a scenario is made of texts, numbers, lists and mappings")
    }
}
