//! Commands on places: sorted sets whose scores stand for positions.

mod place;
mod query;
mod search;

use super::outcome::{Refusal, handler};
use super::table::{CommandSpec, Flags, Group, Keys, flags};
use super::typed::double_in;
use super::{Arguments, Handler, is, refusal};
use crate::types::geo::Point;

const READ: Flags = flags![READONLY];
const GROWING: Flags = flags![WRITE, DENYOOM];

/// The rows of the command table.
pub(super) const COMMANDS: &[CommandSpec] = &[
    row("geoadd", -5, handler!(place::geoadd), GROWING).about("3.2.0", "Adds places"),
    row("geodist", -4, handler!(place::geodist), READ)
        .about("3.2.0", "Measures how far apart two places are"),
    row("geohash", -2, handler!(place::geohash), READ).about("3.2.0", "Tells places as geohashes"),
    row("geopos", -2, handler!(place::geopos), READ).about("3.2.0", "Tells where places are"),
    row("georadius", -6, handler!(search::georadius), GROWING)
        .find_keys(keys_of_radius)
        .about("3.2.0", "Finds the places around a position"),
    row("georadius_ro", -6, handler!(search::georadius_ro), READ).about(
        "3.2.10",
        "Finds the places around a position; does not store them",
    ),
    row(
        "georadiusbymember",
        -5,
        handler!(search::georadiusbymember),
        GROWING,
    )
    .find_keys(keys_of_radius)
    .about("3.2.0", "Finds the places around a place"),
    row(
        "georadiusbymember_ro",
        -5,
        handler!(search::georadiusbymember_ro),
        READ,
    )
    .about(
        "3.2.10",
        "Finds the places around a place; does not store them",
    ),
    row("geosearch", -7, handler!(search::geosearch), READ)
        .about("6.2.0", "Finds the places within a circle or a box"),
    row(
        "geosearchstore",
        -8,
        handler!(search::geosearchstore),
        GROWING,
    )
    .keys(Keys::TWO)
    .about("6.2.0", "Stores the places within a circle or a box"),
];

const fn row(name: &'static str, arity: i16, handler: Handler, flags: Flags) -> CommandSpec {
    CommandSpec::new(name, arity, Group::Geo, handler)
        .flags(flags)
        .keys(Keys::ONE)
}

/// The key that is searched, and the one behind STORE or STOREDIST.
fn keys_of_radius(arguments: &Arguments<'_>, positions: &mut Vec<usize>) {
    positions.push(1);
    let (mut at, mut target) = (5, None);
    while at + 1 < arguments.len() {
        if is(&arguments[at], "store") || is(&arguments[at], "storedist") {
            at += 1;
            target = Some(at);
        }
        at += 1;
    }
    positions.extend(target);
}

/// Reads a position: longitude and latitude.
fn point_in(longitude: &[u8], latitude: &[u8]) -> Result<Point, Refusal> {
    let point = Point {
        longitude: double_in(longitude, refusal::NOT_A_FLOAT)?,
        latitude: double_in(latitude, refusal::NOT_A_FLOAT)?,
    };
    if point.is_valid() {
        return Ok(point);
    }
    let Point {
        longitude,
        latitude,
    } = point;
    Err(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}").into())
}

/// Reads a unit of length: how many metres it is.
fn unit_in(argument: &[u8]) -> Result<f64, Refusal> {
    match argument.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err("ERR unsupported unit provided. please use M, KM, FT, MI".into()),
    }
}
