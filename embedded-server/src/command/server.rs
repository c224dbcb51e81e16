//! The node as a whole: INFO, TIME, LOLWUT.

use rand::RngExt;

use super::connection::REDIS_VERSION;
use super::outcome::{Outcome, handler};
use super::table::{CommandSpec, Flags, Group, flags};
use super::{Arguments, Context, Handler};
use crate::info;

pub(super) const COMMANDS: &[CommandSpec] = &[
    spec(
        "info",
        -1,
        handler!(info),
        flags![LOADING, STALE, DANGEROUS],
    )
    .about("1.0.0", "What an operator wants to know, in sections."),
    spec("time", 1, handler!(time), flags![LOADING, STALE, FAST])
        .about("2.6.0", "The node's clock."),
    spec("lolwut", -1, handler!(lolwut), flags![READONLY, FAST])
        .about("5.0.0", "A small picture, and the version."),
];

const fn spec(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Server, handler).flags(flags)
}

fn info(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let sections: Vec<_> = arguments
        .from(1)
        .iter()
        .map(<[u8]>::to_ascii_lowercase)
        .collect();
    let text = info::text(context.server, context.client, &sections);
    context.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

fn time(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    let now_us = context.server.now_us;
    let mut digits = itoa::Buffer::new();
    context.reply.array(2);
    context
        .reply
        .bulk(digits.format(now_us / 1_000_000).as_bytes());
    context
        .reply
        .bulk(digits.format(now_us % 1_000_000).as_bytes());
    Ok(())
}

/// A skyline, each house drawn by lot.
fn lolwut(context: &mut Context<'_>, _: &Arguments<'_>) -> Outcome {
    const WIDTH: usize = 40;
    const STOREYS: usize = 6;
    let heights: Vec<usize> = (0..WIDTH / 4)
        .map(|_| context.server.random.random_range(1..=STOREYS))
        .collect();
    let mut picture = String::new();
    for storey in (1..=STOREYS).rev() {
        let row = heights.iter().map(|height| match height.cmp(&storey) {
            std::cmp::Ordering::Less => "    ",
            std::cmp::Ordering::Equal => " __ ",
            std::cmp::Ordering::Greater => "|::|",
        });
        picture.extend(row);
        picture.push('\n');
    }
    picture.push_str(&format!("\nRedis ver. {REDIS_VERSION}\n"));
    context.reply.verbatim(b"txt", picture.as_bytes());
    Ok(())
}
