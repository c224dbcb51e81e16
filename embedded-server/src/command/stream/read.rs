//! Reading on from where one was, waiting for more: XREAD, XREADGROUP.

use super::claim::told;
use super::id::{answer_id, id_in};
use super::range::{answer_entries, answer_entry};
use super::tell::Doings;
use crate::blocking::Waiting;
use crate::command::list::blocking::{holds, owned};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::{Tools, edit, peek, read};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::types::stream::{ConsumerId, Group, Pending};
use crate::types::{Stream, StreamId};

/// From where a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// XREAD: behind this ID.
    After(StreamId),
    /// XREADGROUP with `>`: what nobody of the group has been given yet.
    New,
    /// XREADGROUP with an ID: what the consumer has been given behind it and has not acknowledged.
    Own(StreamId),
}

/// Who reads with XREADGROUP.
#[derive(Debug)]
struct Membership {
    group: Box<[u8]>,
    consumer: Box<[u8]>,
}

/// How streams are read.
#[derive(Debug)]
struct Reader {
    member: Option<Membership>,
    /// The most entries of a stream.
    count: usize,
    /// NOACK: what is given need not be acknowledged.
    no_ack: bool,
}

/// All that is asked for.
struct Request<'a> {
    reader: Reader,
    /// BLOCK: until when to wait; within, none is for ever.
    wait_until_ms: Option<Option<i64>>,
    keys: Arguments<'a>,
    ids: Arguments<'a>,
}

impl<'a> Request<'a> {
    fn parse(arguments: &Arguments<'a>, for_group: bool, now_ms: i64) -> Result<Self, Refusal> {
        let mut request = Self {
            reader: Reader {
                member: None,
                count: usize::MAX,
                no_ack: false,
            },
            wait_until_ms: None,
            keys: arguments.first(0),
            ids: arguments.first(0),
        };
        let mut words = arguments.from(1);
        while !words.is_empty() {
            let used = request.understand(&words, for_group, now_ms)?;
            words = words.from(used);
        }
        if request.keys.is_empty() {
            return Err(refusal::SYNTAX.into());
        }
        if for_group && request.reader.member.is_none() {
            return Err("ERR Missing GROUP option for XREADGROUP".into());
        }
        Ok(request)
    }

    /// Takes in the option that opens `words`; says how many of them it is.
    fn understand(
        &mut self,
        words: &Arguments<'a>,
        for_group: bool,
        now_ms: i64,
    ) -> Result<usize, Refusal> {
        match &words[0] {
            word if is(word, "block") && words.len() > 1 => {
                self.wait_until_ms = Some(deadline_in(&words[1], now_ms)?);
                Ok(2)
            }
            word if is(word, "count") && words.len() > 1 => {
                let count = usize::try_from(integer_in(&words[1])?).unwrap_or(0);
                self.reader.count = if count == 0 { usize::MAX } else { count };
                Ok(2)
            }
            word if is(word, "streams") && words.len() > 1 => {
                self.streams(&words.from(1), for_group)?;
                Ok(words.len())
            }
            word if is(word, "group") && words.len() > 2 => {
                only_for_group("GROUP", for_group)?;
                self.reader.member = Some(Membership {
                    group: words[1].into(),
                    consumer: words[2].into(),
                });
                Ok(3)
            }
            word if is(word, "noack") => {
                only_for_group("NOACK", for_group)?;
                self.reader.no_ack = true;
                Ok(1)
            }
            _ => Err(refusal::SYNTAX.into()),
        }
    }

    /// Takes in the keys, and as many IDs behind them.
    fn streams(&mut self, words: &Arguments<'a>, for_group: bool) -> Outcome {
        if !words.len().is_multiple_of(2) {
            let (name, symbol) = if for_group {
                ("XREADGROUP", '>')
            } else {
                ("XREAD", '$')
            };
            return Err(format!(
                "ERR Unbalanced {name} list of streams: for each stream key an ID or '{symbol}' must be specified."
            )
            .into());
        }
        self.keys = words.first(words.len() / 2);
        self.ids = words.from(words.len() / 2);
        Ok(())
    }
}

fn only_for_group(option: &str, for_group: bool) -> Outcome {
    if for_group {
        return Ok(());
    }
    Err(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    )
    .into())
}

/// Reads a timeout in milliseconds; when it is up, in milliseconds since the epoch. 0 is never.
fn deadline_in(argument: &[u8], now_ms: i64) -> Result<Option<i64>, Refusal> {
    let timeout_ms =
        integer_in(argument).map_err(|_| "ERR timeout is not an integer or out of range")?;
    match timeout_ms {
        0 => Ok(None),
        ..0 => Err("ERR timeout is negative".into()),
        _ => now_ms
            .checked_add(timeout_ms)
            .map(Some)
            .ok_or_else(|| "ERR timeout is out of range".into()),
    }
}

pub(super) fn xread(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let request = Request::parse(arguments, false, context.server.now_ms)?;
    carry_out(context, request)
}

pub(super) fn xreadgroup(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let request = Request::parse(arguments, true, context.server.now_ms)?;
    carry_out(context, request)
}

fn carry_out(context: &mut Context<'_>, request: Request<'_>) -> Outcome {
    let Request {
        reader, keys, ids, ..
    } = request;
    let from: Vec<From> = keys
        .iter()
        .zip(ids.iter())
        .map(|(key, id)| reader.from(context, key, id))
        .collect::<Result<_, _>>()?;
    let begin = context.reply.defer_array();
    let mut answered = 0;
    for (key, &from) in keys.iter().zip(&from) {
        answered += usize::from(reader.read(context, key, from)?);
    }
    match (answered, request.wait_until_ms) {
        (0, None) => context.reply.null_array(),
        (0, Some(until_ms)) => {
            let waiting = Wait {
                from: keys.iter().map(Into::into).zip(from).collect(),
                reader,
            };
            context.block(owned(&keys), until_ms, Box::new(waiting));
        }
        _ => context.reply.finish_map(begin, answered),
    }
    Ok(())
}

impl Reader {
    /// From where a stream is to be read, by the word that stands for it.
    fn from(&self, context: &mut Context<'_>, key: &[u8], id: &[u8]) -> Result<From, Refusal> {
        let stream = read::<Stream>(context, key)?.map(|(stream, _)| stream);
        if let Some(member) = &self.member {
            if stream.is_none_or(|stream| stream.group(&member.group).is_none()) {
                return Err(Refusal::quoting(&[
                    b"NOGROUP No such key '",
                    key,
                    b"' or consumer group '",
                    &member.group,
                    b"' in XREADGROUP with GROUP option",
                ]));
            }
            return match id {
                b"$" => Err("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
                             this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
                             just return an empty result set.".into()),
                b">" => Ok(From::New),
                id => Ok(match id_in(id)? {
                    // Redis keeps `>` as the highest ID.
                    StreamId::MAX => From::New,
                    id => From::Own(id),
                }),
            };
        }
        match id {
            b"$" => Ok(From::After(
                stream.map_or(StreamId::MIN, |stream| stream.last_id),
            )),
            b">" => Err("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                         <consumer> option."
                .into()),
            id => Ok(From::After(id_in(id)?)),
        }
    }

    /// Answers what a stream has, with its key before it; says whether it has anything.
    fn read(&self, context: &mut Context<'_>, key: &[u8], from: From) -> Result<bool, Refusal> {
        match (&self.member, from) {
            (Some(member), from) => self.read_as(context, key, member, from),
            (None, From::After(id) | From::Own(id)) => self.read_after(context, key, id),
            (None, From::New) => Ok(false),
        }
    }

    fn read_after(
        &self,
        context: &mut Context<'_>,
        key: &[u8],
        id: StreamId,
    ) -> Result<bool, Refusal> {
        let Some((stream, reply)) = read::<Stream>(context, key)? else {
            return Ok(false);
        };
        let start = id.next().filter(|_| stream.newest_id() > id);
        if let Some(start) = start {
            open(reply, key);
            answer_entries(reply, stream.range(start..=StreamId::MAX).take(self.count));
        }
        Ok(start.is_some())
    }

    fn read_as(
        &self,
        context: &mut Context<'_>,
        key: &[u8],
        member: &Membership,
        from: From,
    ) -> Result<bool, Refusal> {
        let changed = edit(context, key, |stream: &mut Stream, tools| {
            let mut group = stream.take_group(&member.group)?;
            let given = self.give(stream, &mut group, (key, &member.consumer, from), tools);
            stream.put_group(&member.group, group);
            given
        })?;
        let Some(doings) = changed.and_then(|changed| changed.result) else {
            return Ok(false);
        };
        told(context, (key, &member.group, &member.consumer), &doings);
        Ok(true)
    }

    /// Gives a consumer its part of a stream, if there is any.
    fn give(
        &self,
        stream: &Stream,
        group: &mut Group,
        (key, consumer, from): (&[u8], &[u8], From),
        tools: &mut Tools<'_>,
    ) -> Option<Doings> {
        // Not by the stream's last ID: XSETID may have set that beyond any entry.
        if from == From::New && stream.newest_id() <= group.last_id {
            return None;
        }
        let now_ms = tools.now_ms.unsigned_abs();
        let (consumer, is_new) = group.ensure_consumer(consumer, now_ms);
        group.saw_consumer(consumer, now_ms);
        open(tools.reply, key);
        let mut doings = Doings {
            is_new,
            delivered_at: now_ms,
            ..Doings::default()
        };
        match from {
            From::Own(id) => self.repeat(stream, group, (consumer, id), (tools, &mut doings)),
            From::New | From::After(_) => {
                self.deliver(stream, group, consumer, (tools, &mut doings));
            }
        }
        Some(doings)
    }

    /// Gives a consumer what nobody of its group has had.
    fn deliver(
        &self,
        stream: &Stream,
        group: &mut Group,
        consumer: ConsumerId,
        (tools, doings): (&mut Tools<'_>, &mut Doings),
    ) {
        let pending = Pending {
            consumer,
            delivered_at: tools.now_ms.unsigned_abs(),
            deliveries: 1,
        };
        let start = group.last_id.next().unwrap_or(StreamId::MAX);
        let entries = stream.range(start..=StreamId::MAX).take(self.count);
        answer_entries(
            tools.reply,
            entries.inspect(|entry| {
                stream.advance(group, entry.id);
                if !self.no_ack {
                    group.assign(entry.id, pending);
                    doings.give(entry.id, pending.deliveries);
                }
            }),
        );
        doings.position = Some((group.last_id, group.entries_read));
    }

    /// Gives a consumer once more what it has not acknowledged; of what was deleted since, the ID alone.
    fn repeat(
        &self,
        stream: &Stream,
        group: &mut Group,
        (consumer, behind): (ConsumerId, StreamId),
        (tools, doings): (&mut Tools<'_>, &mut Doings),
    ) {
        let start = behind.next().unwrap_or(StreamId::MAX);
        let own: Vec<_> = group
            .pending_in(start..=StreamId::MAX, Some(consumer))
            .take(self.count)
            .collect();
        tools.reply.array(own.len());
        for (id, pending) in own {
            match stream.get(id) {
                Some(entry) => answer_entry(tools.reply, entry),
                None => {
                    tools.reply.array(2);
                    answer_id(tools.reply, id);
                    tools.reply.null_array();
                    continue;
                }
            }
            let again = Pending {
                delivered_at: tools.now_ms.unsigned_abs(),
                deliveries: pending.deliveries + 1,
                ..pending
            };
            group.assign(id, again);
            doings.give(id, again.deliveries);
        }
    }
}

/// Opens the answer of one stream.
fn open(reply: &mut Reply, key: &[u8]) {
    if !reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(key);
}

/// Waits for entries of any stream.
struct Wait {
    from: Vec<(Box<[u8]>, From)>,
    reader: Reader,
}

impl Waiting for Wait {
    fn serve(&mut self, context: &mut Context<'_>, key: &[u8]) -> bool {
        let known = self.from.iter().find(|(name, _)| name.as_ref() == key);
        let Some(&(_, from)) = known else {
            return false;
        };
        if let Some(text) = self.lost(context, key) {
            context.reply.error(text);
            return true;
        }
        let begin = context.reply.defer_array();
        let answered =
            holds::<Stream>(context, key) && self.reader.read(context, key, from) == Ok(true);
        if answered {
            context.reply.finish_map(begin, 1);
        }
        answered
    }

    fn heeds_absence(&self) -> bool {
        self.reader.member.is_some()
    }
}

impl Wait {
    /// Why there is nothing more to wait for, if so: a group is gone, or its stream.
    fn lost(&self, context: &mut Context<'_>, key: &[u8]) -> Option<&'static str> {
        let member = self.reader.member.as_ref()?;
        let db = context.db();
        match peek::<Stream>(&mut context.server.keyspace, db, key) {
            Ok(Some(stream)) if stream.group(&member.group).is_some() => None,
            Ok(Some(_)) => {
                Some("NOGROUP the consumer group this client was blocked on no longer exists")
            }
            _ => Some("UNBLOCKED the stream key no longer exists"),
        }
    }
}
