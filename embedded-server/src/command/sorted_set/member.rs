//! Single members: ZSCORE, ZMSCORE, ZRANK, ZREVRANK; all of them: ZCARD, ZSCAN; some by chance: ZRANDMEMBER.

use super::Shape;
use crate::command::draw::Draw;
use crate::command::outcome::Outcome;
use crate::command::scan::scan;
use crate::command::typed::{read, read_with};
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::text::double;
use crate::types::SortedSet;

fn score_or_null(reply: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

pub(super) fn zscore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read::<SortedSet>(context, &arguments[1])? {
        Some((set, reply)) => score_or_null(reply, set.score(&arguments[2])),
        None => context.reply.null(),
    }
    Ok(())
}

pub(super) fn zmscore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let members = arguments.from(2);
    match read::<SortedSet>(context, &arguments[1])? {
        Some((set, reply)) => {
            reply.array(members.len());
            members
                .iter()
                .for_each(|member| score_or_null(reply, set.score(member)));
        }
        None => {
            context.reply.array(members.len());
            members.iter().for_each(|_| context.reply.null());
        }
    }
    Ok(())
}

pub(super) fn zrank(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    rank(context, arguments, |rank, _| rank)
}

pub(super) fn zrevrank(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    rank(context, arguments, |rank, len| len - 1 - rank)
}

fn rank(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    counted: fn(usize, usize) -> usize,
) -> Outcome {
    match read::<SortedSet>(context, &arguments[1])? {
        Some((set, reply)) => match set.rank(&arguments[2]) {
            Some(rank) => reply.count(counted(rank, set.len())),
            None => reply.null(),
        },
        None => context.reply.null(),
    }
    Ok(())
}

pub(super) fn zcard(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read::<SortedSet>(context, &arguments[1])? {
        Some((set, reply)) => reply.count(set.len()),
        None => context.reply.integer(0),
    }
    Ok(())
}

pub(super) fn zscan(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    scan(
        context,
        arguments,
        |set: &SortedSet, cursor, count, found| {
            set.scan(cursor, count, |member, score| {
                found.offer([member, double::print(score).as_bytes()]);
            })
        },
    )
}

pub(super) fn zrandmember(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let with_scores = arguments.len() > 3;
    let draw = arguments
        .get(2)
        .map(|count| Draw::parse(count, with_scores))
        .transpose()?;
    if arguments.len() > 4 || (with_scores && !is(&arguments[3], "withscores")) {
        return Err(refusal::SYNTAX.into());
    }
    match (read_with::<SortedSet>(context, &arguments[1])?, draw) {
        (Some((set, tools)), Some(draw)) => {
            let shape = Shape { with_scores };
            shape.open(tools.reply, draw.size(set.len()));
            draw.each(set.len(), tools.random, |rank| {
                let (member, score) = set.at(rank).unwrap_or_default();
                shape.member(tools.reply, member, score);
                !tools.reply.is_over()
            });
        }
        (Some((set, tools)), None) => tools
            .reply
            .bulk_or_null(set.random(tools.random).map(|(member, _)| member)),
        (None, Some(_)) => context.reply.array(0),
        (None, None) => context.reply.null(),
    }
    Ok(())
}
