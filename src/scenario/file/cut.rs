//! How the bytes of a send are cut into segments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::Place;
use super::shape::{TextOr, only_one, wrong};
use super::slot::Slot;

/// A segmentation, or a family of them: one case for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<CutForm>", into = "TextOr<CutForm>")]
pub enum Cut {
    /// Not at all.
    #[default]
    Whole,
    /// Every byte by itself.
    EachByte,
    /// Family: once, at every offset.
    EveryOffset,
    /// Family: twice, at every pair of offsets; where these are too many, a part of them drawn from the seed.
    EveryPair,
    /// Each message in its own segment.
    Messages,
    /// At all of these places at once.
    AllOf(Vec<Slot<Place>>),
    /// Family: once, at each of these places.
    EachOf(Vec<Slot<Place>>),
    /// Into pieces of so many bytes.
    Every(Slot<u32>),
    /// Family: so many segmentations drawn from the seed.
    Seeded(Slot<u32>),
}

const NAMES: [(&str, Cut); 5] = [
    ("whole", Cut::Whole),
    ("each-byte", Cut::EachByte),
    ("every-offset", Cut::EveryOffset),
    ("every-pair", Cut::EveryPair),
    ("messages", Cut::Messages),
];

const FORMS: &str = "all-of, each-of, every, seeded";

/// The mapping.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CutForm {
    /// One segmentation, cut at all of these places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all_of: Option<Vec<Slot<Place>>>,
    /// A family: one case for each of these places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    each_of: Option<Vec<Slot<Place>>>,
    /// Pieces of so many bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<Slot<u32>>,
    /// A family of so many segmentations drawn from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seeded: Option<Slot<u32>>,
}

impl TryFrom<TextOr<CutForm>> for Cut {
    type Error = String;

    fn try_from(shape: TextOr<CutForm>) -> Result<Self, String> {
        match shape {
            TextOr::Form(form) => form.cut(),
            TextOr::Text(text) => {
                NAMES.into_iter().find(|(name, _)| *name == text).map(|(_, cut)| cut).ok_or_else(|| {
                    let names = NAMES.map(|(name, _)| name).join(", ");
                    wrong(format!("`{text}` is no cut"), format!("{names}, or a mapping with one of {FORMS}"))
                })
            }
        }
    }
}

impl CutForm {
    fn cut(self) -> Result<Cut, String> {
        let found = [
            ("all-of", self.all_of.map(Cut::AllOf)),
            ("each-of", self.each_of.map(Cut::EachOf)),
            ("every", self.every.map(Cut::Every)),
            ("seeded", self.seeded.map(Cut::Seeded)),
        ];
        only_one(found.into_iter().filter_map(|(name, cut)| Some((name, cut?))).collect(), FORMS)
    }
}

impl From<Cut> for TextOr<CutForm> {
    fn from(cut: Cut) -> Self {
        if let Some((name, _)) = NAMES.into_iter().find(|(_, named)| *named == cut) {
            return Self::Text(name.to_owned());
        }
        let mut form = CutForm::default();
        match cut {
            Cut::AllOf(places) => form.all_of = Some(places),
            Cut::EachOf(places) => form.each_of = Some(places),
            Cut::Every(bytes) => form.every = Some(bytes),
            Cut::Seeded(count) => form.seeded = Some(count),
            _ => {}
        }
        Self::Form(form)
    }
}
