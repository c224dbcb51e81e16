//! Places around a position or a place: GEOSEARCH, GEOSEARCHSTORE, and the older GEORADIUS and its kin.

use std::ops::ControlFlow;

use super::place::{answer_distance, answer_point};
use super::point_in;
use super::query::{Centre, Form, Query};
use crate::command::outcome::{Outcome, Refusal};
use crate::command::typed::{peek, read, store};
use crate::command::{Arguments, Context, Reply};
use crate::notify::Events;
use crate::types::geo::{Found, Point, search};
use crate::types::{Limits, SortedSet};

pub(super) fn georadius(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    around_point(context, arguments, true)
}

pub(super) fn georadius_ro(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    around_point(context, arguments, false)
}

fn around_point(context: &mut Context<'_>, arguments: &Arguments<'_>, may_store: bool) -> Outcome {
    let key = &arguments[1];
    read::<SortedSet>(context, key)?;
    let mut query = Query::new(None);
    query.centre = Some(Centre::Position(point_in(&arguments[2], &arguments[3])?));
    query.circle(&arguments[4], &arguments[5])?;
    let form = Form::Radius { may_store };
    query.options(&arguments.from(6), form, &mut |member| {
        locate(context, key, member)
    })?;
    query.check(&arguments[0], form)?;
    carry_out(context, key, &query, "georadiusstore")
}

pub(super) fn georadiusbymember(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    around_member(context, arguments, true)
}

pub(super) fn georadiusbymember_ro(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
) -> Outcome {
    around_member(context, arguments, false)
}

fn around_member(context: &mut Context<'_>, arguments: &Arguments<'_>, may_store: bool) -> Outcome {
    let key = &arguments[1];
    let mut query = Query::new(None);
    // Where there is nothing to search, not even the radius is looked at.
    if read::<SortedSet>(context, key)?.is_some() {
        query.centre = Some(Centre::Member(locate(context, key, &arguments[2])?));
        query.circle(&arguments[3], &arguments[4])?;
    }
    let form = Form::Radius { may_store };
    query.options(&arguments.from(5), form, &mut |member| {
        locate(context, key, member)
    })?;
    query.check(&arguments[0], form)?;
    carry_out(context, key, &query, "georadiusstore")
}

pub(super) fn geosearch(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[1];
    read::<SortedSet>(context, key)?;
    let mut query = Query::new(None);
    query.options(&arguments.from(2), Form::Search, &mut |member| {
        locate(context, key, member)
    })?;
    query.check(&arguments[0], Form::Search)?;
    carry_out(context, key, &query, "")
}

pub(super) fn geosearchstore(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let key = &arguments[2];
    read::<SortedSet>(context, key)?;
    let mut query = Query::new(Some(&arguments[1]));
    query.options(&arguments.from(3), Form::SearchStore, &mut |member| {
        locate(context, key, member)
    })?;
    query.check(&arguments[0], Form::SearchStore)?;
    carry_out(context, key, &query, "geosearchstore")
}

/// Where a member is, if there is anything to search.
fn locate(context: &mut Context<'_>, key: &[u8], member: &[u8]) -> Result<Option<Point>, Refusal> {
    let db = context.db();
    let Some(set) = peek::<SortedSet>(&mut context.server.keyspace, db, key)? else {
        return Ok(None);
    };
    let score = set
        .score(member)
        .ok_or("ERR could not decode requested zset member")?;
    Ok(Some(Point::from_score(score)))
}

/// Searches, and answers or stores what is found.
fn carry_out(context: &mut Context<'_>, key: &[u8], query: &Query<'_>, event: &str) -> Outcome {
    let db = context.db();
    let centre = match query.centre {
        Some(Centre::Member(point)) => point,
        Some(Centre::Position(point)) => Some(point),
        None => None,
    };
    let limits = context.server.config.limits.clone();
    let found = peek::<SortedSet>(&mut context.server.keyspace, db, key)?;
    let found = match (found, centre) {
        (Some(set), Some(centre)) => find(set, centre, query),
        _ => Vec::new(),
    };
    let Some(target) = query.store else {
        answer(context.reply, &found, query);
        return Ok(());
    };
    let result = scored(&found, query, &limits);
    let stored = store(context, target, result, Events::SORTED_SET, event)?;
    context.reply.count(stored);
    Ok(())
}

/// The places asked for, in the order asked for.
fn find<'a>(set: &'a SortedSet, centre: Point, query: &Query<'_>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    let Some(shape) = query.shape else {
        return found;
    };
    search(set, centre, shape, |place| {
        found.push(place);
        if query.any && found.len() == query.count {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    // A count without an order means the nearest, unless any will do.
    let nearest = query.count > 0 && !query.any;
    match query.ascending.or(nearest.then_some(true)) {
        Some(true) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(false) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
        None => {}
    }
    if query.count > 0 {
        found.truncate(query.count);
    }
    found
}

fn scored(found: &[Found<'_>], query: &Query<'_>, limits: &Limits) -> SortedSet {
    let mut result = SortedSet::new();
    for place in found {
        let score = if query.store_distances {
            place.distance / query.unit
        } else {
            place.score
        };
        result.insert(place.member, score, limits);
    }
    result
}

fn answer(reply: &mut Reply, found: &[Found<'_>], query: &Query<'_>) {
    let extras = [query.with_distance, query.with_hash, query.with_point];
    let extras = extras.into_iter().filter(|&asked| asked).count();
    reply.array(found.len());
    for place in found {
        if extras > 0 {
            reply.array(1 + extras);
        }
        reply.bulk(place.member);
        if query.with_distance {
            answer_distance(reply, place.distance / query.unit);
        }
        if query.with_hash {
            reply.integer(place.score as i64);
        }
        if query.with_point {
            answer_point(reply, place.point);
        }
    }
}
