//! A place in a step that holds a value, or a text with variables of the matrix that becomes one.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, Serializer, de::value};

/// A value, or `$name`, or a text that is a value when its variables are filled in, such as `$buffer-$back`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot<T> {
    /// What stands there.
    Given(T),
    /// The text with variables for which a value will stand.
    Variable(String),
}

impl<T> Slot<T> {
    /// The value; after the variables were put in there is always one.
    pub fn given(&self) -> Result<&T, String> {
        match self {
            Self::Given(value) => Ok(value),
            Self::Variable(text) => Err(format!("`{text}` has no value")),
        }
    }
}

impl<T> From<T> for Slot<T> {
    fn from(value: T) -> Self {
        Self::Given(value)
    }
}

/// Whether a text can be the name of a variable: letters, digits and `_`, a letter first.
pub(in crate::scenario) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && name_length(text) == text.len()
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// The variables in a text, with where each `$` stands. `$$` is a dollar; one that no letter follows is one too.
pub(in crate::scenario) fn names_in(text: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        let rest = &text[at + 1..];
        let length = name_length(rest);
        from = at + 1;
        if rest.starts_with('$') {
            from += 1;
        } else if is_name(&rest[..length]) {
            names.push((at, &rest[..length]));
            from += length;
        }
    }
    names
}

struct SlotVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for SlotVisitor<T> {
    type Value = Slot<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a $variable")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let variable = || Slot::Variable(text.to_owned());
        if text.strip_prefix('$').is_some_and(is_name) {
            return Ok(variable());
        }
        match T::deserialize(text.into_deserializer()) {
            Err(_) if !names_in(text).is_empty() => Ok(variable()),
            value => value.map(Slot::Given),
        }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Slot::Given)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Slot::Given)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Slot::Given)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Slot::Given)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        T::deserialize(().into_deserializer()).map(Slot::Given)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::SeqAccessDeserializer::new(seq)).map(Slot::Given)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let value = T::deserialize(value::MapAccessDeserializer::new(&mut map))?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(Slot::Given(value)),
            Some(_) => Err(de::Error::custom("more than one key\na mapping with exactly one key")),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Slot<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SlotVisitor(PhantomData))
    }
}

impl<T: Serialize> Serialize for Slot<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(value) => value.serialize(serializer),
            Self::Variable(text) => serializer.serialize_str(text),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Slot<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrVariable", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [value, { "type": "string", "pattern": "\\$[A-Za-z]" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_without_a_name_is_a_dollar() {
        assert_eq!(names_in("%s $(id) $5 $$size 100$"), []);
    }

    #[test]
    fn names_are_found_inside_texts() {
        assert_eq!(names_in("$size and $other-x"), [(0, "size"), (10, "other")]);
    }
}
