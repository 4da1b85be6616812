//! A framing in YAML and JSON: its string, or the mapping that the string stands for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use super::table::{KEYS, Key};
use crate::framing::Framing;

impl Serialize for Framing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Framing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FramingVisitor)
    }
}

struct FramingVisitor;

impl<'de> Visitor<'de> for FramingVisitor {
    type Value = Framing;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a framing such as `length:u32be,max=64KiB`, or a mapping with `kind`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Framing, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Framing, A::Error> {
        let mut kind = None;
        let mut args = String::new();
        while let Some(key) = map.next_key::<String>()? {
            let Scalar(value) = map.next_value()?;
            if key == "kind" {
                kind = Some(value.ok_or_else(|| A::Error::custom("`kind` is a word"))?);
            } else {
                push_arg(&mut args, &key, value.as_deref());
            }
        }
        let kind = kind.ok_or_else(|| A::Error::missing_field("kind"))?;
        format!("{kind}{args}").parse().map_err(A::Error::custom)
    }
}

/// Writes an entry as an argument. A flag is its key alone, or nothing if it is false.
fn push_arg(args: &mut String, key: &str, value: Option<&str>) {
    let is_flag = KEYS.iter().any(|row| row.name == key && row.value.is_empty());
    let arg = match value {
        Some("true") | None if is_flag => key.to_owned(),
        Some("false") if is_flag => return,
        // YAML 1.1 reads the words yes and no as flags.
        Some("true") => format!("{key}=yes"),
        Some("false") => format!("{key}=no"),
        // A framing may hold commas, which would end the argument.
        Some(value) if key == "reply" && value.contains(',') && !value.starts_with(['(', '"']) => {
            format!("{key}=({value})")
        }
        value => format!("{key}={}", value.unwrap_or_default()),
    };
    args.push(if args.is_empty() { ':' } else { ',' });
    args.push_str(&arg);
}

/// A YAML or JSON scalar, as its text; none for null.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a flag")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(Some(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(Some(number.to_string())))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar(Some(flag.to_string())))
    }

    fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
        Ok(Scalar(None))
    }
}

impl schemars::JsonSchema for Framing {
    fn schema_name() -> Cow<'static, str> {
        "Framing".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut properties = serde_json::Map::new();
        properties.insert("kind".to_owned(), serde_json::json!({ "type": "string" }));
        properties.extend(KEYS.iter().map(property));
        schemars::json_schema!({
            "description": "How messages are framed: a string such as `length:u32be,max=64KiB`, or a mapping.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "required": ["kind"],
                    "properties": properties,
                    "additionalProperties": false
                }
            ]
        })
    }
}

fn property(key: &Key) -> (String, serde_json::Value) {
    let types = if key.value.is_empty() { &["boolean", "null"][..] } else { &["string", "integer"] };
    let schema = serde_json::json!({ "type": types, "description": key.about });
    (key.name.to_owned(), schema)
}
