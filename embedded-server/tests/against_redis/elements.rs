//! Random commands on HyperLogLogs and places, and SORT, on both servers: replies, contents and events.

use proptest::prelude::*;

use crate::differential::{Pair, choice, commands_of, events, one, options, servers, subscriber};

const TEMPLATES: &[&str] = &[
    "PFADD <key> <element> <element> <element>",
    "PFADD <key> <element> <element>",
    "PFADD <key>",
    "PFCOUNT <key>",
    "PFCOUNT <key> <key>",
    "PFMERGE <key> <key> <key>",
    "PFDEBUG DECODE <key>",
    "PFDEBUG ENCODING <key>",
    "PFDEBUG TODENSE <key>",
    "PFDEBUG NONSENSE <key>",
    "GETRANGE <key> 0 -1",
    "SET <key> HYLL",
    "GEOADD <key> <geoadd-option> <point> <member> <point> <member>",
    "GEOADD <key> <geoadd-option> <geoadd-option> <point> <member>",
    "GEOADD <key> <point>",
    "GEOPOS <key> <member> <member>",
    "GEOHASH <key> <member> <member>",
    "GEODIST <key> <member> <member> <unit-option>",
    "GEOSEARCH <key> <centre> <area> <search-option> <search-option>",
    "GEOSEARCH <key> <centre> <area> <search-option> <search-option> <search-option>",
    "GEOSEARCH <key> <area> <centre> ASC",
    "GEOSEARCHSTORE <key> <key> <centre> <area> <search-option> <search-option>",
    "GEORADIUS <key> <point> <radius> <unit> <search-option> <radius-option>",
    "GEORADIUS_RO <key> <point> <radius> <unit> <search-option> <radius-option>",
    "GEORADIUSBYMEMBER <key> <member> <radius> <unit> <search-option> <radius-option>",
    "GEORADIUSBYMEMBER_RO <key> <member> <radius> <unit> <search-option>",
    "SORT <key> <sort-option> <sort-option> <sort-option>",
    "SORT <key> ALPHA <alpha-option> <alpha-option> <alpha-option>",
    "SORT_RO <key> <sort-option> <sort-option>",
    "COMMAND GETKEYS SORT <key> <sort-option> <sort-option>",
    "COMMAND GETKEYS GEORADIUS <key> <point> <radius> <unit> ASC <radius-option>",
    "RPUSH <key> <number> <number> <number>",
    "RPUSH <key> <member>",
    "SADD <key> <integer-member> <integer-member>",
    "ZADD <key> 1 <number> 2 <member>",
    "SET <weight-key> <number>",
    "HSET <weight-key> f <number>",
    "SET <key> <value>",
    "DEL <key>",
    "OBJECT ENCODING <key>",
];

/// The places in these templates.
pub(crate) fn slot(name: &str) -> Option<BoxedStrategy<Vec<String>>> {
    let random_point = (-180.0..180.0f64, -85.0..85.0f64)
        .prop_map(|(longitude, latitude)| vec![longitude.to_string(), latitude.to_string()]);
    Some(match name {
        "<element>" => (0u32..5000).prop_map(|number| one(number.to_string())).boxed(),
        "<geoadd-option>" => options(&["", "", "", "NX", "XX", "CH", "GT", "INCR"]),
        "<point>" => prop_oneof![
            4 => random_point,
            4 => options(&["13.361389 38.115556", "15.087269 37.502669", "13.5 38", "2.35 48.85", "179.9 0", "-179.9 0"]),
            1 => options(&["181 0", "0 86", "x 1", "1 y", "1"]),
        ]
        .boxed(),
        "<unit>" => choice(&["m", "KM", "ft", "mi", "km", "cm"]),
        "<unit-option>" => options(&["", "km", "mi", "ft", "m", "x", "m m"]),
        "<radius>" => choice(&["0", "100", "1000", "20000", "200.5", "-1", "x"]),
        "<centre>" => options(&["FROMMEMBER a", "FROMMEMBER b", "FROMMEMBER nobody", "FROMLONLAT <point>", "FROMLONLAT 15 37", "FROMLONLAT 15 37", ""]),
        "<area>" => options(&["BYRADIUS <radius> <unit>", "BYRADIUS 500 km", "BYBOX <radius> <radius> <unit>", "BYBOX 800 600 km", "BYRADIUS 20000 km", ""]),
        "<search-option>" => options(&["", "ASC", "ASC", "DESC", "COUNT 2", "COUNT 1 ANY", "ANY", "WITHCOORD", "WITHDIST", "WITHHASH", "COUNT 0", "COUNT x", "STOREDIST", "y"]),
        "<radius-option>" => options(&["", "ASC", "STORE <key>", "STOREDIST <key>", "STORE"]),
        "<sort-option>" => options(&["", "", "DESC", "ASC", "LIMIT 1 2", "LIMIT -1 -1", "LIMIT 9 1", "LIMIT x 1", "BY w*", "BY w*->f", "BY nosort", "GET #", "GET w*", "GET w*->f", "GET nosort", "STORE <key>", "BY", "y"]),
        // Without BY: of elements that weigh the same, each server chooses its own order.
        "<alpha-option>" => options(&["", "", "DESC", "LIMIT 1 2", "BY nosort", "GET #", "GET w*", "GET w*->f", "STORE <key>"]),
        "<weight-key>" => choice(&["w1", "w2", "w3", "wa", "wb"]),
        // Where a set with other members begins and ends is each server's own affair.
        "<integer-member>" => choice(&["1", "2", "3", "10", "-1"]),
        "<number>" => choice(&["1", "2", "3", "10", "-1", "1.5", "2", "1"]),
        _ => return None,
    })
}

#[test]
fn counts_places_and_sorting_answer_and_publish_as_on_redis() {
    let Some((embedded, peer)) = servers() else {
        return;
    };
    let scripts = prop::collection::vec(commands_of(TEMPLATES), 1..60);
    proptest!(|(script in scripts, resp3: bool)| {
        let mut pair = Pair { ours: embedded.client(), theirs: peer.client(), script: &script };
        let outcome = pair.compare(resp3);
        prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
        for client in [&mut pair.ours, &mut pair.theirs] {
            client.line("FLUSHALL");
        }
        // SORT looks other keys up in the order of its elements, which a sorted set of Redis keeps in a hash table.
        let mut ours = events(&mut subscriber(embedded.client()), &mut pair.ours, &script);
        let mut theirs = events(&mut subscriber(peer.client()), &mut pair.theirs, &script);
        ours.sort();
        theirs.sort();
        prop_assert_eq!(ours, theirs);
    });
}
