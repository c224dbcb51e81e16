//! Reads a node tree into the structs of [`written`](super::written) through serde, and goes on after a problem, so that all
//! problems of a file are told at once.
//!
//! Each value that can be wrong alone sits in an [`At`]: where reading it fails, the problem is noted, the value is absent, and its
//! neighbours are still read. Unknown keys are noted and skipped.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::U64Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use super::problem::{Place, Problem};
use super::words;
use super::yaml::{Content, Node};

/// The name under which [`At`] asks the reader for a place and a second chance.
const AT: &str = "$at";

/// The name under which a type that is a scalar or a map asks the reader which of both there is: a scalar comes as its text, a map
/// as a deserializer.
pub(super) const SCALAR_OR_MAP: &str = "$scalar_or_map";

/// The name under which a type that is either one map of settings or several by names asks the reader which of both there is:
/// several, where the first value is a map itself, come as if they were optional.
pub(super) const ONE_OR_NAMED: &str = "$one_or_named";

/// Reads `node` as a `T`; what is wrong below an [`At`] is added to `problems`.
///
/// # Errors
///
/// The problem that left nothing of the whole.
pub(super) fn read<T: DeserializeOwned>(
    node: &Node,
    problems: &mut Vec<Problem>,
) -> Result<T, Problem> {
    let noted = RefCell::new(Vec::new());
    let outcome = T::deserialize(Reader {
        node,
        place: node.place,
        noted: &noted,
    });
    problems.append(&mut noted.into_inner());
    outcome.map_err(|failure| failure.at(node.place).into_problem())
}

/// A value with its place; the value is absent where it was wrong, which has been told then.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) place: Place,
    pub(super) value: Option<T>,
}

/// A key that may be left out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given<T>(pub(super) Option<At<T>>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Given<T> {
    /// Whether the key was written, rightly or wrongly.
    pub(super) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// The value and its place, where the key was written and is right.
    pub(super) fn get(&self) -> Option<(&T, Place)> {
        self.0.as_ref().and_then(At::get)
    }

    /// Where the key was written.
    pub(super) fn place(&self) -> Option<Place> {
        self.0.as_ref().map(|at| at.place)
    }
}

impl<T> At<T> {
    /// The value and its place, where it is right.
    pub(super) fn get(&self) -> Option<(&T, Place)> {
        self.value.as_ref().map(|value| (value, self.place))
    }
}

/// The entries of a map whose keys are the user's, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entries<V>(pub(super) Vec<(At<String>, At<V>)>);

/// A problem whose place may not be known yet.
#[derive(Debug)]
struct Failure {
    place: Option<Place>,
    message: String,
}

impl Failure {
    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    fn into_problem(self) -> Problem {
        Problem {
            place: self.place.unwrap_or_default(),
            message: self.message,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            place: None,
            message: message.to_string(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => format!("the text `{text}`"),
            Unexpected::Map => "a map".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Unit => "nothing".to_owned(),
            other => other.to_string(),
        };
        let wanted = wanted.to_string();
        let wanted = if wanted == "a sequence" {
            "a list"
        } else {
            &wanted
        };
        Self::custom(format_args!("found {found}; wanted is {wanted}"))
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    place: Place,
    noted: &'a RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    fn of(self, node: &'a Node) -> Self {
        Self {
            node,
            place: node.place,
            noted: self.noted,
        }
    }

    fn note(self, failure: Failure) {
        self.noted
            .borrow_mut()
            .push(failure.at(self.place).into_problem());
    }

    fn failure(self, message: String) -> Failure {
        Failure {
            place: Some(self.place),
            message,
        }
    }
}

impl<'a> Deserializer<'a> for Reader<'a> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failure> {
        let outcome = match &self.node.content {
            Content::Nothing => visitor.visit_unit(),
            Content::Scalar(text) => visitor.visit_borrowed_str(text),
            Content::List(items) => visitor.visit_seq(Items {
                reader: self,
                left: items.iter(),
            }),
            Content::Map(entries) => visitor.visit_map(Pairs {
                reader: self,
                left: entries.iter(),
                value: None,
                known: None,
            }),
        };
        outcome.map_err(|failure: Failure| failure.at(self.place))
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.node.content {
            Content::Map(entries) => {
                let pairs = Pairs {
                    reader: self,
                    left: entries.iter(),
                    value: None,
                    known: Some(fields),
                };
                visitor
                    .visit_map(pairs)
                    .map_err(|failure| failure.at(self.place))
            }
            // serde would take a list for the fields in their order, which nobody means.
            Content::List(_) => {
                Err(Failure::invalid_type(Unexpected::Seq, &visitor).at(self.place))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let (key, content) = match &self.node.content {
            Content::Scalar(_) => (
                self.node,
                Reader {
                    node: &EMPTY,
                    ..self
                },
            ),
            Content::Map(entries) => match entries.as_slice() {
                [(key, content)] => (key, self.of(content)),
                several => return Err(self.failure(several_keys(name, several, variants))),
            },
            _ => {
                let found = if self.node.content == Content::Nothing {
                    "nothing"
                } else {
                    "a list"
                };
                return Err(self.failure(format!(
                    "found {found}; a {name} is one of {}",
                    words::or_list(variants)
                )));
            }
        };
        if let Some(unknown) = key.text().filter(|text| !variants.contains(text)) {
            return Err(self
                .of(key)
                .failure(words::unknown(name, unknown, variants)));
        }
        visitor
            .visit_enum(Variant {
                key: self.of(key),
                content,
            })
            .map_err(|failure| failure.at(self.place))
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let is_map = matches!(self.node.content, Content::Map(_));
        match name {
            ONE_OR_NAMED if is_map_of_maps(self.node) => visitor.visit_some(self),
            AT => visitor.visit_seq(PlaceAndValue {
                reader: self,
                step: 0,
            }),
            SCALAR_OR_MAP if !is_map => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

fn is_map_of_maps(node: &Node) -> bool {
    let Content::Map(entries) = &node.content else {
        return false;
    };
    let first = entries.first().map(|(_, value)| &value.content);
    matches!(first, Some(Content::Map(_)))
}

/// What a variant without content holds.
static EMPTY: Node = Node {
    place: Place {
        source: 0,
        start: 0,
        length: 0,
    },
    content: Content::Map(Vec::new()),
};

fn several_keys(name: &str, entries: &[(Node, Node)], variants: &[&str]) -> String {
    let wanted = words::or_list(variants);
    match entries {
        [] => format!("found an empty map; a {name} is one of {wanted}"),
        [(first, content), ..] if content.content == Content::Nothing => format!(
            "found {} keys side by side; a {name} is one of {wanted} (what belongs to `{}` must stand further to the right)",
            entries.len(),
            first.text().unwrap_or_default()
        ),
        several => format!(
            "found {} keys; a {name} is exactly one of {wanted}",
            several.len()
        ),
    }
}

struct Items<'a> {
    reader: Reader<'a>,
    left: std::slice::Iter<'a, Node>,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        self.left
            .next()
            .map(|item| seed.deserialize(self.reader.of(item)))
            .transpose()
    }
}

struct Pairs<'a> {
    reader: Reader<'a>,
    left: std::slice::Iter<'a, (Node, Node)>,
    value: Option<&'a Node>,
    /// The keys there are, where they are not the user's to choose.
    known: Option<&'static [&'static str]>,
}

impl<'a> Pairs<'a> {
    /// The next entry with a known key.
    fn advance(&mut self) -> Option<&'a (Node, Node)> {
        loop {
            let entry = self.left.next()?;
            let key = entry.0.text().unwrap_or_default();
            match self.known {
                Some(known) if !known.contains(&key) => {
                    let reader = self.reader.of(&entry.0);
                    reader.note(reader.failure(words::unknown("key", key, known)));
                }
                _ => return Some(entry),
            }
        }
    }
}

impl<'a> MapAccess<'a> for Pairs<'a> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some((key, value)) = self.advance() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(self.reader.of(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        match self.value.take() {
            Some(value) => seed.deserialize(self.reader.of(value)),
            None => Err(self
                .reader
                .failure("found a key without a value".to_owned())),
        }
    }
}

struct Variant<'a> {
    key: Reader<'a>,
    content: Reader<'a>,
}

impl<'a> EnumAccess<'a> for Variant<'a> {
    type Error = Failure;
    type Variant = Reader<'a>;

    fn variant_seed<V: DeserializeSeed<'a>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Reader<'a>), Failure> {
        Ok((seed.deserialize(self.key)?, self.content))
    }
}

impl<'a> VariantAccess<'a> for Reader<'a> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match &self.node.content {
            Content::Nothing => Ok(()),
            Content::Map(entries) if entries.is_empty() => Ok(()),
            _ => Err(self.failure("found more where nothing follows; leave it out".to_owned())),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Failure> {
        let node = if self.node.content == Content::Nothing {
            &EMPTY
        } else {
            self.node
        };
        seed.deserialize(Reader { node, ..self })
            .map_err(|failure| failure.at(self.place))
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let node = if self.node.content == Content::Nothing {
            &EMPTY
        } else {
            self.node
        };
        Reader { node, ..self }.deserialize_struct("", fields, visitor)
    }
}

/// Hands an [`At`] its place, three numbers, and then its value, or nothing where that is wrong.
struct PlaceAndValue<'a> {
    reader: Reader<'a>,
    step: u8,
}

impl<'a> SeqAccess<'a> for PlaceAndValue<'a> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Place {
            source,
            start,
            length,
        } = self.reader.place;
        let number = [source, start, length].get(usize::from(self.step)).copied();
        self.step = self.step.saturating_add(1);
        if let Some(number) = number {
            return seed
                .deserialize(U64Deserializer::<Failure>::new(number as u64))
                .map(Some);
        }
        match seed.deserialize(self.reader) {
            Ok(value) => Ok(Some(value)),
            Err(failure) => {
                self.reader.note(failure);
                Ok(None)
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AT, AtVisitor(PhantomData))
    }
}

struct AtVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with a place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut steps: A) -> Result<At<T>, A::Error> {
        let mut number = || {
            steps
                .next_element::<u64>()
                .map(|number| number.unwrap_or_default() as usize)
        };
        let place = Place {
            source: number()?,
            start: number()?,
            length: number()?,
        };
        Ok(At {
            place,
            value: steps.next_element()?,
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        At::deserialize(deserializer).map(|at| Self(Some(at)))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Entries<V>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            list.push(entry);
        }
        Ok(Entries(list))
    }
}

/// The schema of a wrapper is that of what it wraps.
macro_rules! schema_of_what_it_wraps {
    ($wrapper:ident) => {
        impl<T: JsonSchema> JsonSchema for $wrapper<T> {
            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }

            fn inline_schema() -> bool {
                T::inline_schema()
            }
        }
    };
}

schema_of_what_it_wraps!(At);
schema_of_what_it_wraps!(Given);

impl<V: JsonSchema> JsonSchema for Entries<V> {
    fn schema_name() -> Cow<'static, str> {
        format!("map_of_{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<V>() })
    }

    fn inline_schema() -> bool {
        true
    }
}
