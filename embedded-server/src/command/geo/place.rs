//! Single places: GEOADD, GEOPOS, GEOHASH, GEODIST.

use super::{point_in, unit_in};
use crate::command::outcome::{Outcome, Refusal};
use crate::command::sorted_set::add::{Options, put};
use crate::command::typed::read;
use crate::command::{Arguments, Context, Reply, is, refusal};
use crate::types::SortedSet;
use crate::types::geo::Point;

pub(super) fn geoadd(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let mut options = Options::default();
    let words = arguments.from(2);
    let known = words
        .iter()
        .take_while(|word| {
            ["nx", "xx", "ch"].iter().any(|known| is(word, known)) && options.understand(word)
        })
        .count();
    let triples: Vec<&[u8]> = words.from(known).iter().collect();
    if options.contradict() || triples.is_empty() || !triples.len().is_multiple_of(3) {
        return Err(refusal::SYNTAX.into());
    }
    let places: Vec<(f64, &[u8])> = triples
        .as_chunks::<3>()
        .0
        .iter()
        .map(|[longitude, latitude, member]| {
            Ok::<_, Refusal>((point_in(longitude, latitude)?.score(), *member))
        })
        .collect::<Result<_, _>>()?;
    put(context, &arguments[1], &options, &places)
}

/// Answers what `tell` writes of each member's position; it is given none where the member is missing.
fn each(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    tell: fn(&mut Reply, Option<Point>),
) -> Outcome {
    let members = arguments.from(2);
    let Some((set, reply)) = read::<SortedSet>(context, &arguments[1])? else {
        context.reply.array(members.len());
        members.iter().for_each(|_| tell(context.reply, None));
        return Ok(());
    };
    reply.array(members.len());
    for member in members.iter() {
        tell(reply, set.score(member).map(Point::from_score));
    }
    Ok(())
}

pub(super) fn geopos(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    each(context, arguments, |reply, point| match point {
        Some(point) => answer_point(reply, point),
        None => reply.null_array(),
    })
}

pub(super) fn geohash(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    each(context, arguments, |reply, point| match point {
        Some(point) => reply.bulk(&point.geohash()),
        None => reply.null(),
    })
}

pub(super) fn geodist(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let unit = arguments.get(4).map_or(Ok(1.0), unit_in)?;
    if arguments.len() > 5 {
        return Err(refusal::SYNTAX.into());
    }
    let distance = match read::<SortedSet>(context, &arguments[1])? {
        Some((set, _)) => {
            let point = |member| set.score(member).map(Point::from_score);
            point(&arguments[2])
                .zip(point(&arguments[3]))
                .map(|(from, to)| from.distance(to))
        }
        None => None,
    };
    match distance {
        Some(distance) => answer_distance(context.reply, distance / unit),
        None => context.reply.null(),
    }
    Ok(())
}

/// Answers a position.
pub(super) fn answer_point(reply: &mut Reply, point: Point) {
    reply.array(2);
    reply.exact_double(point.longitude);
    reply.exact_double(point.latitude);
}

/// Answers a distance, to a ten thousandth of its unit.
pub(super) fn answer_distance(reply: &mut Reply, distance: f64) {
    reply.bulk(format!("{distance:.4}").as_bytes());
}
