//! Values that are put into a scenario, each combination making a case.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::shape::wrong;
use super::slot::is_name;

/// Variables and the values that each of them takes, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix(pub Vec<(String, Vec<Value>)>);

/// Which combinations of values become cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// All of them.
    #[default]
    Full,
    /// Few of them, such that any two values meet in at least one.
    Pairs,
    /// Few of them, such that any three values meet in at least one.
    Triples,
}

impl Matrix {
    /// Whether there are no variables.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values of a variable.
    pub fn values(&self, name: &str) -> Option<&[Value]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, values)| values.as_slice())
    }
}

struct MatrixVisitor;

impl<'de> Visitor<'de> for MatrixVisitor {
    type Value = Matrix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping from names of variables to lists of values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matrix, A::Error> {
        let mut variables = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if !is_name(&name) {
                let right = "a letter, then letters, digits and `_`";
                return Err(de::Error::custom(wrong(format!("`{name}` is no name for a variable"), right)));
            }
            let values: Vec<Value> = map.next_value()?;
            if values.is_empty() {
                let what = format!("the variable `{name}` has no values");
                return Err(de::Error::custom(wrong(what, "a list of at least one value")));
            }
            variables.push((name, values));
        }
        Ok(Matrix(variables))
    }
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MatrixVisitor)
    }
}

impl Serialize for Matrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in &self.0 {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

impl JsonSchema for Matrix {
    fn schema_name() -> Cow<'static, str> {
        "Matrix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "array", "minItems": 1 } })
    }
}
