//! Pending entries that pass to another consumer: XCLAIM, XAUTOCLAIM.

use super::id::{answer_id, id_in, start_in};
use super::pending::no_such_group;
use super::range::answer_entry;
use super::tell::Doings;
use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{Tools, edit, integer_between, read};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::notify::Events;
use crate::text::integer;
use crate::types::stream::{ConsumerId, Group, Pending};
use crate::types::{Stream, StreamId};

/// The most entries that XAUTOCLAIM may be asked for.
const COUNT_MOST: i64 = i64::MAX / 16;
/// How many entries XAUTOCLAIM looks at for each it may answer.
const LOOKS: usize = 10;

/// On what terms an entry passes.
struct Terms {
    min_idle_ms: u64,
    now_ms: u64,
    delivered_at: u64,
    deliveries: Option<u64>,
    /// FORCE: whether it need not be pending.
    force: bool,
    /// JUSTID: the entry is not answered, nor is this a delivery.
    just_id: bool,
}

impl Terms {
    fn new(min_idle: &[u8], now_ms: i64, refusal: &'static str) -> Result<Self, Refusal> {
        let min_idle_ms = integer::parse(min_idle).ok_or(refusal)?;
        let now_ms = now_ms.unsigned_abs();
        Ok(Self {
            min_idle_ms: u64::try_from(min_idle_ms).unwrap_or(0),
            now_ms,
            delivered_at: now_ms,
            deliveries: None,
            force: false,
            just_id: false,
        })
    }

    /// Takes in the option of XCLAIM that opens `words`; says how many of them it is.
    fn understand(&mut self, words: &Arguments<'_>) -> Result<usize, Refusal> {
        let number = |message: &'static str| integer::parse(&words[1]).ok_or(message);
        match &words[0] {
            word if is(word, "force") => self.force = true,
            word if is(word, "justid") => self.just_id = true,
            word if is(word, "idle") && words.len() > 1 => {
                let idle_ms = number("ERR Invalid IDLE option argument for XCLAIM")?;
                self.deliver_at((self.now_ms as i64).saturating_sub(idle_ms));
                return Ok(2);
            }
            word if is(word, "time") && words.len() > 1 => {
                self.deliver_at(number("ERR Invalid TIME option argument for XCLAIM")?);
                return Ok(2);
            }
            word if is(word, "retrycount") && words.len() > 1 => {
                let count = number("ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                self.deliveries = u64::try_from(count).ok();
                return Ok(2);
            }
            word => {
                return Err(Refusal::quoting(&[
                    b"ERR Unrecognized XCLAIM option '",
                    word,
                    b"'",
                ]));
            }
        }
        Ok(1)
    }

    /// A delivery is not in the future, nor before all time.
    fn deliver_at(&mut self, ms: i64) {
        self.delivered_at = u64::try_from(ms).map_or(self.now_ms, |ms| ms.min(self.now_ms));
    }

    /// What the entry is once it has passed to `consumer`; `None` where it stays as it is.
    fn pass(&self, before: Option<Pending>, consumer: ConsumerId) -> Pending {
        let deliveries = before.map_or(1, |pending| pending.deliveries);
        Pending {
            consumer,
            delivered_at: self.delivered_at,
            deliveries: self
                .deliveries
                .unwrap_or_else(|| deliveries + u64::from(!self.just_id)),
        }
    }

    fn allow(&self, pending: Option<Pending>) -> bool {
        pending.map_or(self.force, |pending| {
            self.now_ms.saturating_sub(pending.delivered_at) >= self.min_idle_ms
        })
    }
}

/// A consumer that takes entries over, made once it takes the first.
struct Claimant<'a> {
    name: &'a [u8],
    consumer: Option<ConsumerId>,
    doings: Doings,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Claimed,
    /// It does not exist any more, and is pending no longer.
    Deleted,
    Left,
}

impl<'a> Claimant<'a> {
    fn new(name: &'a [u8]) -> Self {
        Self {
            name,
            consumer: None,
            doings: Doings::default(),
        }
    }

    fn consumer(&mut self, group: &mut Group, now_ms: u64) -> ConsumerId {
        *self.consumer.get_or_insert_with(|| {
            let (consumer, is_new) = group.ensure_consumer(self.name, now_ms);
            group.saw_consumer(consumer, now_ms);
            self.doings.is_new = is_new;
            consumer
        })
    }

    /// Takes an entry over, if the terms allow it, and answers it.
    fn claim(
        &mut self,
        stream: &Stream,
        group: &mut Group,
        (id, terms): (StreamId, &Terms),
        reply: &mut Reply,
    ) -> Fate {
        let pending = group.pending().get(&id).copied();
        let Some(entry) = stream.get(id) else {
            if !group.acknowledge(id) {
                return Fate::Left;
            }
            self.doings.dropped.push(id);
            return Fate::Deleted;
        };
        if !terms.allow(pending) {
            return Fate::Left;
        }
        let consumer = self.consumer(group, terms.now_ms);
        let passed = terms.pass(pending, consumer);
        group.assign(id, passed);
        self.doings.delivered_at = passed.delivered_at;
        self.doings.give(id, passed.deliveries);
        if terms.just_id {
            answer_id(reply, id);
        } else {
            answer_entry(reply, entry);
        }
        Fate::Claimed
    }
}

/// Lets a consumer work on its group beside the entries of the stream; then tells of what it did.
fn with_group(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    work: impl FnOnce(&mut Claimant<'_>, &Stream, &mut Group, &mut Tools<'_>),
) -> Outcome {
    let (key, name, consumer) = (&arguments[1], &arguments[2], &arguments[3]);
    let changed = edit(context, key, |stream: &mut Stream, tools| {
        let mut group = stream.take_group(name)?;
        let before = group.last_id;
        let mut claimant = Claimant::new(consumer);
        work(&mut claimant, stream, &mut group, tools);
        let mut doings = claimant.doings;
        doings.position = (group.last_id != before).then_some((group.last_id, group.entries_read));
        stream.put_group(name, group);
        Some(doings)
    })?;
    let doings = changed
        .and_then(|changed| changed.result)
        .ok_or_else(|| no_such_group(key, name))?;
    told(context, (key, name, consumer), &doings);
    Ok(())
}

/// Tells whoever is concerned of what a consumer did.
pub(super) fn told(
    context: &mut Context<'_>,
    (key, group, consumer): (&[u8], &[u8], &[u8]),
    doings: &Doings,
) {
    if doings.is_new {
        context.notify(Events::STREAM, "xgroup-createconsumer", key);
    }
    if !doings.are_none() {
        context.changed_silently(key);
        doings.tell(context, (key, group, consumer));
    }
}

pub(super) fn xclaim(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (key, name) = (&arguments[1], &arguments[2]);
    check_group(context, key, name)?;
    let now_ms = context.server.now_ms;
    let mut terms = Terms::new(
        &arguments[4],
        now_ms,
        "ERR Invalid min-idle-time argument for XCLAIM",
    )?;
    let ids: Vec<StreamId> = arguments
        .from(5)
        .iter()
        .map_while(|id| id_in(id).ok())
        .collect();
    let last_id = claim_options(&mut terms, &arguments.from(5 + ids.len()))?;
    with_group(context, arguments, |claimant, stream, group, tools| {
        group.last_id = group.last_id.max(last_id);
        let begin = tools.reply.defer_array();
        let claimed = ids
            .iter()
            .filter(|id| {
                claimant.claim(stream, group, (**id, &terms), tools.reply) == Fate::Claimed
            })
            .count();
        tools.reply.finish_array(begin, claimed);
    })
}

/// Refuses, if there is no such group.
fn check_group(context: &mut Context<'_>, key: &[u8], group: &[u8]) -> Outcome {
    let found = read::<Stream>(context, key)?;
    match found.and_then(|(stream, _)| stream.group(group)) {
        Some(_) => Ok(()),
        None => Err(no_such_group(key, group)),
    }
}

/// Reads the words behind the IDs; the group is at least as far as the ID that is returned.
fn claim_options(terms: &mut Terms, words: &Arguments<'_>) -> Result<StreamId, Refusal> {
    let (mut last_id, mut words) = (StreamId::MIN, *words);
    while !words.is_empty() {
        let used = if is(&words[0], "lastid") && words.len() > 1 {
            last_id = id_in(&words[1])?;
            2
        } else {
            terms.understand(&words)?
        };
        words = words.from(used);
    }
    Ok(last_id)
}

pub(super) fn xautoclaim(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let now_ms = context.server.now_ms;
    // A key that is not there is missed even where the words behind it are refused; another type is refused after them.
    drop(read::<Stream>(context, &arguments[1]));
    let mut terms = Terms::new(
        &arguments[4],
        now_ms,
        "ERR Invalid min-idle-time argument for XAUTOCLAIM",
    )?;
    let start = start_in(&arguments[5])?;
    let count = autoclaim_options(&mut terms, &arguments.from(6))?;
    with_group(context, arguments, |claimant, stream, group, tools| {
        claim_from(claimant, stream, group, (start, count, &terms), tools);
    })
}

fn autoclaim_options(terms: &mut Terms, words: &Arguments<'_>) -> Result<usize, Refusal> {
    let mut count = 100;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if is(word, "count") {
            let value = words.next().ok_or(refusal::SYNTAX)?;
            count = integer_between(value, 1..=COUNT_MOST, Some("ERR COUNT must be > 0"))?;
        } else if is(word, "justid") {
            terms.just_id = true;
        } else {
            return Err(refusal::SYNTAX.into());
        }
    }
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Claims what is pending from `start` on, and answers where to go on, what was claimed, and what was deleted.
fn claim_from(
    claimant: &mut Claimant<'_>,
    stream: &Stream,
    group: &mut Group,
    (start, count, terms): (StreamId, usize, &Terms),
    tools: &mut Tools<'_>,
) {
    let looks = count.saturating_mul(LOOKS);
    let ids: Vec<StreamId> = group
        .pending()
        .range(start..)
        .take(looks.saturating_add(1))
        .map(|(id, _)| *id)
        .collect();
    let mut claimed = Reply::new(tools.reply.protocol());
    let (mut deleted, mut answered, mut next) = (Vec::new(), 0, StreamId::MIN);
    for (looked, &id) in ids.iter().enumerate() {
        if looked == looks || answered + deleted.len() == count {
            next = id;
            break;
        }
        match claimant.claim(stream, group, (id, terms), &mut claimed) {
            Fate::Claimed => answered += 1,
            Fate::Deleted => deleted.push(id),
            Fate::Left => {}
        }
    }
    tools.reply.array(3);
    answer_id(tools.reply, next);
    tools.reply.array(answered);
    tools.reply.raw(claimed.bytes());
    tools.reply.array(deleted.len());
    deleted.iter().for_each(|id| answer_id(tools.reply, *id));
}
