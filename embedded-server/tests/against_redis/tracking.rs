//! Client-side caching on both servers: who is told of which change, and how; and how replies are turned off.

const SCENARIOS: &[&str] = &[
    // What was read is told once, by whomever it is changed.
    "a> CLIENT TRACKING ON\na> GET k\na> CLIENT TRACKINGINFO\nw> SET k 1\na<\nw> SET k 2\na> PING\na> GET k\na> SET k 3\na<\na> PING",
    "a> CLIENT TRACKING ON NOLOOP\na> MGET k l\na> SET k 1\na> PING\nw> SET l 1\na<\na> CLIENT TRACKINGINFO",
    "a> CLIENT TRACKING ON\na> HGETALL h\na> LRANGE l 0 -1\nw> MULTI\nw> HSET h f v\nw> RPUSH l e\nw> EXEC\na<\na<",
    "a> CLIENT TRACKING ON\na> MULTI\na> GET k\na> GET l\na> EXEC\nw> MSET k 1 l 2\na<\na<",
    // Whatever removes a key tells too.
    "w> SET k v PX 1\na> CLIENT TRACKING ON\na> GET k\na> GET l\nw> SET l 1\na<",
    "w> SET k v PX 60\na> CLIENT TRACKING ON\na> GET k\na<",
    "w> SET k v\na> CLIENT TRACKING ON\na> GET k\nw> CONFIG SET maxmemory-policy allkeys-lru\nw> CONFIG SET maxmemory 1\na<\nw> CONFIG SET maxmemory 0\nw> CONFIG SET maxmemory-policy noeviction\na> GET k\na> PING",
    "w> SET k v\na> CLIENT TRACKING ON\na> GET k\nw> FLUSHALL\na<\nw> FLUSHDB\na<\na> FLUSHALL\na<",
    "w> SET k v\na> CLIENT TRACKING ON\na> GET k\nw> RENAME k l\na<",
    "w> SADD s 1\na> CLIENT TRACKING ON\na> SMEMBERS s\na> GET t\nw> SMOVE s t 1\na<",
    "a> CLIENT TRACKING ON\na> XLEN x\nw> XADD x 1-1 f v\na<\na> PFCOUNT p\nw> PFADD p e\na<\na> GEOPOS g m\nw> GEOADD g 1 1 m\na<",
    // By announcement.
    "a> CLIENT TRACKING ON OPTIN\na> GET k\na> CLIENT CACHING YES\na> CLIENT TRACKINGINFO\na> CLIENT CACHING YES\na> GET l\na> GET m\nw> MSET k 1 l 2 m 3\na<\na> PING",
    "a> CLIENT TRACKING ON OPTOUT\na> GET k\na> CLIENT CACHING NO\na> GET l\nw> MSET k 1 l 2\na<\na> PING",
    "a> CLIENT TRACKING ON OPTIN\na> CLIENT CACHING YES\na> MULTI\na> GET k\na> EXEC\nw> SET k 1\na<",
    // By prefix.
    "a> CLIENT TRACKING ON BCAST PREFIX k PREFIX l\na> CLIENT TRACKINGINFO\nw> MSET k1 1 l1 2 m1 3\na<\na<\na> SET k2 1\na<",
    "a> CLIENT TRACKING ON BCAST NOLOOP\na> SET k 1\na> PING\nw> SET l 1\na<",
    "a> CLIENT TRACKING ON BCAST PREFIX k\na> CLIENT TRACKING ON BCAST PREFIX l\na> CLIENT TRACKINGINFO\na> CLIENT TRACKING ON BCAST PREFIX k1\na> CLIENT TRACKING OFF\na> CLIENT TRACKINGINFO\nw> SET k 1\na> PING",
    // To another client, which may speak the older protocol.
    "b> RESET\nb> SUBSCRIBE __redis__:invalidate\na> CLIENT TRACKING ON REDIRECT {b}\na> GET k\nw> SET k 1\nb<\na> GET k\nw> DEL k\nb<",
    "b> PING\na> CLIENT TRACKING ON REDIRECT {b} BCAST\nw> SET k 1\nb<",
    "b> PING\na> CLIENT TRACKING ON REDIRECT {b}\na> GET k\nw> CLIENT KILL ID {b}\nw> SET k 1\na<\na> PING",
    // What does not go together.
    "a> CLIENT TRACKING ON PREFIX k\na> CLIENT TRACKING ON BCAST OPTIN\na> CLIENT TRACKING ON OPTIN OPTOUT\na> CLIENT TRACKING ON REDIRECT 999999\na> CLIENT TRACKING ON REDIRECT x\na> CLIENT TRACKING MAYBE\na> CLIENT TRACKING ON y\na> CLIENT TRACKING ON BCAST PREFIX k PREFIX k1",
    "a> CLIENT TRACKING ON\na> CLIENT TRACKING ON BCAST\na> CLIENT CACHING YES\na> CLIENT TRACKING ON OPTIN\na> CLIENT CACHING NO\na> CLIENT CACHING MAYBE\na> CLIENT TRACKING ON OPTOUT\na> CLIENT GETREDIR\na> CLIENT TRACKING OFF\na> CLIENT CACHING YES\na> CLIENT GETREDIR\na> CLIENT TRACKINGINFO",
    "a> CLIENT TRACKING ON\na> RESET\na> CLIENT TRACKINGINFO",
    // Replies turned off: what subscribers get is no reply.
    "a. CLIENT REPLY OFF\na. SUBSCRIBE c d\na<\na<\nw> PUBLISH c m\na<\na. GET k\na. UNSUBSCRIBE c d\na<\na<\na> CLIENT REPLY ON",
    "a. CLIENT REPLY SKIP\na. PSUBSCRIBE c*\na<\nw> PUBLISH c m\na<",
    "a. CLIENT REPLY SKIP\na. SET k 1\na> GET k\na. CLIENT REPLY OFF\na. SET k 2\na> CLIENT REPLY ON\na> GET k",
    "a> SSUBSCRIBE s1\nw> SPUBLISH s1 m\na<\nw> PUBLISH s1 m\nw> PUBSUB SHARDCHANNELS\nw> PUBSUB SHARDNUMSUB s1 x\nw> PUBSUB CHANNELS\na> SUNSUBSCRIBE s1\na> SUNSUBSCRIBE\nw> SPUBLISH s1 m",
];

#[test]
fn changes_are_told_as_by_redis() {
    crate::scenario::compare(SCENARIOS, &[3]);
}
