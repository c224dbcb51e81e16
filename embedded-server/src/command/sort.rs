//! SORT and SORT_RO: the elements of a list, a set or a sorted set in the order of themselves or of other keys.

use super::hash::live_field;
use super::outcome::{Outcome, Refusal, handler, integer_in};
use super::sorted_set::bound::bound_number;
use super::string::lookup;
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::typed::store;
use super::{Arguments, Context, Handler, is, refusal};
use crate::keyspace::Access;
use crate::notify::Events;
use crate::types::{End, List, Value};

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("sort", handler!(sort), flags![WRITE, DENYOOM, DANGEROUS])
        .find_keys(keys_of_sort)
        .about("1.0.0", "Sorts elements, and answers or stores them"),
    row("sort_ro", handler!(sort_ro), flags![READONLY, DANGEROUS])
        .find_keys(|_, positions| positions.push(1))
        .about("7.0.0", "Sorts elements; does not store them"),
];

const fn row(name: &'static str, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, -2, Group::Generic, handler)
        .flags(flags)
        .keys(Keys::ONE)
        .category(Some("set"))
        .further(&["list", "sortedset"])
}

/// The key that is sorted, and the last one behind STORE.
fn keys_of_sort(arguments: &Arguments<'_>, positions: &mut Vec<usize>) {
    positions.push(1);
    let mut at = 2;
    let mut target = None;
    while let Some(word) = arguments.get(at) {
        at += match word {
            word if is(word, "limit") => 3,
            word if is(word, "get") || is(word, "by") => 2,
            word if is(word, "store") && at + 1 < arguments.len() => {
                target = Some(at + 1);
                2
            }
            _ => 1,
        };
    }
    positions.extend(target);
}

/// What is asked for.
#[derive(Debug, Default)]
struct Request<'a> {
    by: Option<Pattern<'a>>,
    /// Whether the elements are to stay in the order they have: once BY has named no place for them.
    keeps_order: bool,
    get: Vec<Pattern<'a>>,
    offset: i64,
    /// All if negative.
    count: Option<i64>,
    descending: bool,
    alphabetical: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn parse(words: &Arguments<'a>, may_store: bool) -> Result<Self, Refusal> {
        let mut request = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"asc" => request.descending = false,
                b"desc" => request.descending = true,
                b"alpha" => request.alphabetical = true,
                b"limit" => {
                    let (offset, count) = words.next().zip(words.next()).ok_or(refusal::SYNTAX)?;
                    request.offset = integer_in(offset)?;
                    request.count = Some(integer_in(count)?);
                }
                b"by" => {
                    let by = Pattern::new(words.next().ok_or(refusal::SYNTAX)?);
                    request.keeps_order |= by.key.is_none();
                    request.by = Some(by);
                }
                b"get" => request
                    .get
                    .push(Pattern::new(words.next().ok_or(refusal::SYNTAX)?)),
                b"store" if may_store => {
                    request.store = Some(words.next().ok_or(refusal::SYNTAX)?);
                }
                _ => return Err(refusal::SYNTAX.into()),
            }
        }
        Ok(request)
    }

    /// Keeps what LIMIT asks for.
    fn cut(&self, elements: &mut Vec<Vec<u8>>) {
        let start = usize::try_from(self.offset.max(0)).unwrap_or(usize::MAX);
        elements.drain(..start.min(elements.len()));
        if let Some(count) = self.count.and_then(|count| usize::try_from(count).ok()) {
            elements.truncate(count);
        }
    }
}

/// A name with a place for an element in it: of a key, or of a key and, behind `->`, a field.
#[derive(Debug)]
struct Pattern<'a> {
    /// `#`: the element itself.
    is_element: bool,
    /// The key's name before and behind the place; `None` where there is none.
    key: Option<(&'a [u8], &'a [u8])>,
    field: Option<&'a [u8]>,
}

impl<'a> Pattern<'a> {
    fn new(text: &'a [u8]) -> Self {
        let place = text.iter().position(|&byte| byte == b'*');
        let (before, behind) = place.map_or((text, &b""[..]), |at| {
            let (before, behind) = text.split_at(at);
            (before, behind.get(1..).unwrap_or_default())
        });
        let arrow = behind.windows(2).position(|pair| pair == b"->");
        let arrow = arrow.filter(|at| behind.len() > at + 2);
        let (behind, field) = match arrow {
            Some(at) => (behind.get(..at).unwrap_or_default(), behind.get(at + 2..)),
            None => (behind, None),
        };
        Self {
            is_element: text == b"#",
            key: place.map(|_| (before, behind)),
            field,
        }
    }

    /// What it stands for, with `element` in its place.
    fn value(&self, context: &mut Context<'_>, element: &[u8]) -> Option<Vec<u8>> {
        if self.is_element {
            return Some(element.to_vec());
        }
        let (before, behind) = self.key?;
        let key = [before, element, behind].concat();
        let db = context.db();
        if let Some(field) = self.field {
            return live_field(context, &key, field);
        }
        let keyspace = &mut context.server.keyspace;
        if keyspace.lookup(db, &key, Access::Read).is_none() {
            context.missed(&key);
            return None;
        }
        let text = lookup(&mut context.server.keyspace, db, &key, Access::Silent);
        text.ok().flatten().map(<[u8]>::to_vec)
    }
}

fn sort(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    carry_out(context, arguments, true)
}

fn sort_ro(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    carry_out(context, arguments, false)
}

fn carry_out(context: &mut Context<'_>, arguments: &Arguments<'_>, may_store: bool) -> Outcome {
    let mut request = Request::parse(&arguments.from(2), may_store)?;
    let (mut elements, is_set) = elements(context, &arguments[1], &request)?;
    if request.keeps_order && is_set && request.store.is_some() {
        // A set has no order that could be left; what is stored shall not hang on chance.
        request.by = None;
        request.keeps_order = false;
        request.alphabetical = true;
    }
    if !request.keeps_order {
        elements = sorted(context, elements, &request)?;
    }
    request.cut(&mut elements);
    let rows = rows(context, elements, &request);
    match request.store {
        Some(target) => keep(context, target, &rows),
        None => {
            context.reply.array(rows.len());
            for value in rows {
                context.reply.bulk_or_null(value.as_deref());
            }
            Ok(())
        }
    }
}

/// The elements of a key, in the order they have; and whether they have none.
fn elements(
    context: &mut Context<'_>,
    key: &[u8],
    request: &Request<'_>,
) -> Result<(Vec<Vec<u8>>, bool), Refusal> {
    let db = context.db();
    let Some(entry) = context.server.keyspace.lookup(db, key, Access::Read) else {
        context.missed(key);
        return Ok((Vec::new(), false));
    };
    let (mut elements, is_set): (Vec<Vec<u8>>, bool) = match entry.object()? {
        Value::List(list) => (list.iter().map(<[u8]>::to_vec).collect(), false),
        Value::Set(set) => (set.iter().map(|member| member.to_vec()).collect(), true),
        Value::SortedSet(set) => (
            set.iter().map(|(member, _)| member.to_vec()).collect(),
            false,
        ),
        _ => return Err(refusal::WRONG_TYPE.into()),
    };
    if request.keeps_order && request.descending && !is_set {
        elements.reverse();
    }
    Ok((elements, is_set))
}

/// By what an element is sorted.
#[derive(Debug, PartialEq, PartialOrd)]
enum Weight {
    Number(f64),
    Text(Option<Vec<u8>>),
}

fn sorted(
    context: &mut Context<'_>,
    elements: Vec<Vec<u8>>,
    request: &Request<'_>,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let (mut weighed, mut refused) = (Vec::with_capacity(elements.len()), None);
    for element in elements {
        match weight(context, &element, request) {
            Ok(weight) => weighed.push((weight, element)),
            // The others are looked up all the same, which may be told as misses.
            Err(refusal) => refused = Some(refusal),
        }
    }
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    weighed.sort_by(|(a, a_element), (b, b_element)| {
        let order = a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
        // Equal numbers are told apart by the elements; equal texts stay as they were.
        let order = match a {
            Weight::Number(_) => order.then_with(|| a_element.cmp(b_element)),
            Weight::Text(_) => order,
        };
        if request.descending {
            order.reverse()
        } else {
            order
        }
    });
    Ok(weighed.into_iter().map(|(_, element)| element).collect())
}

fn weight(
    context: &mut Context<'_>,
    element: &[u8],
    request: &Request<'_>,
) -> Result<Weight, Refusal> {
    let value = match &request.by {
        Some(by) => by.value(context, element),
        None => Some(element.to_vec()),
    };
    if request.alphabetical {
        return Ok(Weight::Text(value));
    }
    let number = value.map_or(Some(0.0), |text| bound_number(&text));
    number
        .map(Weight::Number)
        .ok_or_else(|| "ERR One or more scores can't be converted into double".into())
}

/// The values to answer: of every element itself, or what GET asks for instead.
fn rows(
    context: &mut Context<'_>,
    elements: Vec<Vec<u8>>,
    request: &Request<'_>,
) -> Vec<Option<Vec<u8>>> {
    if request.get.is_empty() {
        return elements.into_iter().map(Some).collect();
    }
    let mut rows = Vec::with_capacity(elements.len() * request.get.len());
    for element in &elements {
        rows.extend(request.get.iter().map(|get| get.value(context, element)));
    }
    rows
}

/// Stores the values as a list; what is missing becomes the empty string.
fn keep(context: &mut Context<'_>, target: &[u8], rows: &[Option<Vec<u8>>]) -> Outcome {
    let mut list = List::new();
    for value in rows {
        let value = value.as_deref().unwrap_or_default();
        list.push(End::Right, value, &context.server.config.limits);
    }
    let stored = store(context, target, list, Events::LIST, "sortstore")?;
    context.reply.count(stored);
    Ok(())
}
