//! All fields, or some drawn at random: HGETALL, HKEYS, HVALS, HLEN, HRANDFIELD, HSCAN.

use super::deadline::{purge, read_hash, read_hash_with};
use crate::command::draw::Draw;
use crate::command::outcome::Outcome;
use crate::command::scan::scan;
use crate::command::typed::Tools;
use crate::command::{Arguments, Context, is, refusal};
use crate::types::Hash;

pub(super) fn hgetall(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let Some((hash, reply)) = read_hash(context, &arguments[1])? else {
        context.reply.map(0);
        return Ok(());
    };
    reply.map(hash.len());
    hash.iter().for_each(|(field, value)| {
        reply.bulk(field);
        reply.bulk(value);
    });
    Ok(())
}

pub(super) fn hkeys(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer_each(context, arguments, |field, _| field)
}

pub(super) fn hvals(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    answer_each(context, arguments, |_, value| value)
}

fn answer_each(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    part: for<'h> fn(&'h [u8], &'h [u8]) -> &'h [u8],
) -> Outcome {
    let Some((hash, reply)) = read_hash(context, &arguments[1])? else {
        context.reply.array(0);
        return Ok(());
    };
    reply.array(hash.len());
    hash.iter()
        .for_each(|(field, value)| reply.bulk(part(field, value)));
    Ok(())
}

pub(super) fn hlen(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    match read_hash(context, &arguments[1])? {
        Some((hash, reply)) => reply.count(hash.len()),
        None => context.reply.integer(0),
    }
    Ok(())
}

pub(super) fn hrandfield(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let with_values = arguments.len() > 3;
    let draw = arguments
        .get(2)
        .map(|count| Draw::parse(count, with_values))
        .transpose()?;
    if arguments.len() > 4 || (with_values && !is(&arguments[3], "withvalues")) {
        return Err(refusal::SYNTAX.into());
    }
    match (read_hash_with(context, &arguments[1])?, draw) {
        (Some((hash, tools)), Some(draw)) => answer_drawn(hash, tools, draw, with_values),
        (Some((hash, tools)), None) => tools
            .reply
            .bulk_or_null(hash.random(tools.random).map(|(field, _)| field)),
        (None, Some(_)) => context.reply.array(0),
        (None, None) => context.reply.null(),
    }
    Ok(())
}

fn answer_drawn(hash: &Hash, tools: Tools<'_>, draw: Draw, with_values: bool) {
    let Tools { reply, random, .. } = tools;
    let size = draw.size(hash.len());
    // With values, RESP3 has pairs where RESP2 has one long array.
    let paired = with_values && reply.is_resp3();
    reply.array(if with_values && !paired {
        2 * size
    } else {
        size
    });
    draw.each(hash.len(), random, |number| {
        let (field, value) = hash.at(number).unwrap_or_default();
        if paired {
            reply.array(2);
        }
        reply.bulk(field);
        if with_values {
            reply.bulk(value);
        }
        !reply.is_over()
    });
}

pub(super) fn hscan(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    purge(context, &arguments[1]);
    scan(context, arguments, |hash: &Hash, cursor, count, found| {
        hash.scan(cursor, count, |field, value| found.offer([field, value]))
    })
}
