//! Fan-out: channels, who listens to them, and what is published how fast.

use super::in_flight::InFlight;
use super::phases::{Kind, until};
use super::values::{largest, note_too_short, values};
use super::{Context, bounded, pace};
use crate::workload::limits;
use crate::workload::plan::{
    FanOut, KeySpace, Load, Operation, Order, Subscription, Template, Values,
};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::Given;
use crate::workload::units::Flag;
use crate::workload::words;
use crate::workload::written;

/// Channels where the file does not say how many.
const CHANNELS: u64 = 1;
/// Subscribers where the file does not say how many.
const SUBSCRIBERS: u64 = 1;

/// The load of a fan-out called `name`.
pub(super) fn fan_out(
    written: &written::FanOut,
    (place, name): (Place, &str),
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Load {
    let most = limits::CLIENTS;
    let channels = bounded("channels", &written.channels, CHANNELS, 1, most, problems);
    let by = written.subscribe.get().map(|(by, _)| *by);
    let by = by.unwrap_or(Subscription::Channel);
    let fan_out = FanOut {
        channels: numbered(channels),
        subscribers: subscribers(written, channels, by, problems),
        by,
        messages: messages(&written.values, place, context, problems),
    };
    let in_flight = InFlight {
        clients: &written.clients,
        pipeline: &written.pipeline,
        place,
    };
    let pace = pace::pace(&written.rate, problems);
    let load = Load {
        until: until(
            Kind::Mix,
            (&written.count, &written.for_),
            (place, name),
            (&(0..channels), &pace),
            problems,
        ),
        order: Order::Uniform,
        pace,
        ..Load::of(
            vec![Operation::publish(by == Subscription::Shard)],
            0..channels,
        )
    };
    let load = in_flight.of(load, context, problems);
    in_flight.note_too_much(&load, largest(&fan_out.messages), problems);
    Load {
        fan_out: Some(Box::new(fan_out)),
        ..load
    }
}

/// `channel-0`, `channel-1`, …
fn numbered(count: u64) -> KeySpace {
    KeySpace {
        name: Template {
            before: "channel-".to_owned(),
            width: 0,
            after: String::new(),
        },
        count,
        spaces: Vec::new(),
    }
}

/// Every channel has a subscriber.
fn subscribers(
    written: &written::FanOut,
    channels: u64,
    by: Subscription,
    problems: &mut Vec<Problem>,
) -> u32 {
    let count = bounded(
        "subscribers",
        &written.subscribers,
        SUBSCRIBERS.max(channels),
        1,
        limits::CLIENTS,
        problems,
    );
    if let Some((_, place)) = written.subscribers.get()
        && by != Subscription::Pattern
        && count < channels
    {
        let message = format!(
            "{count} subscribers for {channels} channels, each of which hears one, leave channels that nobody hears; write {channels} or more, or subscribe: pattern"
        );
        problems.push(Problem::new(place, message));
    }
    count as u32
}

/// What is published: messages with room for what they say of themselves, and no seal.
fn messages(
    written: &Given<written::values::Values>,
    place: Place,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) -> Values {
    let place = written.place().unwrap_or(place);
    let verify = written.get().and_then(|(values, _)| values.verify.get());
    if let Some((Flag(true), place)) = verify {
        let message = "messages tell whose they are and are all accounted for; leave `verify` out";
        problems.push(Problem::new(place, message));
    }
    let values = values(written, context, problems);
    note_too_short(&values, FanOut::STAMP_BYTES, place, problems);
    if largest(&values) > limits::MESSAGE_BYTES {
        let most = words::bytes(limits::MESSAGE_BYTES);
        problems.push(Problem::new(
            place,
            format!(
                "messages of {}; allowed are {most}",
                words::bytes(largest(&values))
            ),
        ));
    }
    values
}
