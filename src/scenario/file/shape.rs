//! Values that may be written in two shapes: a text or a mapping, a number or a text.
//!
//! What is wrong and what would be right stand on two lines of one message; [`Wrong`](crate::scenario::ScenarioError)
//! is where they part.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor, value};
use serde::{Serialize, Serializer};

/// A text, or a mapping of some form.
#[derive(Clone, Debug)]
pub enum TextOr<F> {
    /// A plain or quoted text.
    Text(String),
    /// A mapping.
    Form(F),
}

struct TextOrVisitor<F>(PhantomData<F>);

impl<'de, F: Deserialize<'de>> Visitor<'de> for TextOrVisitor<F> {
    type Value = TextOr<F>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a mapping")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOr::Text(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Err(E::custom(no_text(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Err(E::custom(no_text(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Err(E::custom(no_text(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Err(E::custom(no_text(value)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Err(E::custom(wrong("nothing stands here", "a text or a mapping")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        F::deserialize(value::MapAccessDeserializer::new(map)).map(TextOr::Form)
    }
}

fn no_text(value: impl fmt::Display) -> String {
    wrong(format!("{value} is no text here"), format!("\"{value}\" in quotes, or a mapping"))
}

impl<'de, F: Deserialize<'de>> Deserialize<'de> for TextOr<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrVisitor(PhantomData))
    }
}

impl<F: Serialize> Serialize for TextOr<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Form(form) => form.serialize(serializer),
        }
    }
}

impl<F: JsonSchema> JsonSchema for TextOr<F> {
    fn schema_name() -> Cow<'static, str> {
        format!("TextOr{}", F::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let form = generator.subschema_for::<F>();
        json_schema!({ "anyOf": [{ "type": "string" }, form] })
    }
}

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// A plain integer.
    Number(i128),
    /// Anything else.
    Text(String),
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or a text")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number.into()))
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => match i64::try_from(*number) {
                Ok(number) => serializer.serialize_i64(number),
                Err(_) => serializer.serialize_str(&number.to_string()),
            },
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}

/// One of something, or several of it.
#[derive(Clone, Debug)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a connection or a list of names")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<OneOrMany, E> {
        Ok(OneOrMany(vec![name.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<OneOrMany, A::Error> {
        Vec::deserialize(value::SeqAccessDeserializer::new(seq)).map(OneOrMany)
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

impl Serialize for OneOrMany {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> Cow<'static, str> {
        "Connections".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}

/// A message in two lines: what is wrong, and what would be right.
pub(super) fn wrong(what: impl fmt::Display, right: impl fmt::Display) -> String {
    format!("{what}\n{right}")
}

/// The only one of several keys that is present; none or several are an error.
pub(super) fn only_one<T>(found: Vec<(&str, T)>, keys: &str) -> Result<T, String> {
    let names: Vec<_> = found.iter().map(|(name, _)| format!("`{name}`")).collect();
    let mut values = found.into_iter().map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(wrong("none of the keys that say what", format!("exactly one of {keys}"))),
        (Some(_), Some(_)) => Err(wrong(format!("{} together", names.join(" and ")), format!("exactly one of {keys}"))),
    }
}
