//! Clients that wait, on both servers: who is served with what, in which order, and what ends a wait otherwise.

const SCENARIOS: &[&str] = &[
    // Sorted sets: first come, first served; both ends; several keys.
    "a! BZPOPMIN z y 0\nb! BZPOPMAX z 0\nw> ZADD z 1 one 2 two 3 three\na<\nb<\nw> ZRANGE z 0 -1 WITHSCORES",
    "a! BZPOPMIN z 0\nb! BZPOPMIN z 0\nw> ZADD z 1 one\na<\nw> ZADD z 2 two\nb<\nw> EXISTS z",
    "a! BZMPOP 0 2 y z MAX COUNT 2\nw> ZADD z 1 one 2 two 3 three\na<\nw> ZRANGE z 0 -1",
    "a! BZPOPMIN z 0\nw> SADD s m\nw> ZUNIONSTORE z 1 s\na<",
    "a! BZPOPMIN z 0\nw> GEOADD z 13 38 place\na<",
    "a! BZPOPMIN z 0\nw> ZADD y 5 five\nw> RENAME y z\na<",
    "a! BZPOPMIN z 0\nw> LPUSH z 1\nw> DEL z\nw> ZADD z 1 one\na<",
    "a! BZPOPMIN z 0\nw> MULTI\nw> ZADD z 1 one\nw> DEL z\nw> EXEC\nw> ZADD z 2 two\na<",
    "a! BZPOPMIN z 0.05\na<",
    "a> MULTI\na> BZPOPMIN z 0\na> BZMPOP 0 1 z MIN\na> BLPOP l 0\na> BLMOVE l m LEFT LEFT 0\na> XREAD BLOCK 0 STREAMS x $\na> EXEC",
    "a> BZPOPMIN z -1\na> BZPOPMIN z x\na> BZMPOP 0 0 z MIN\na> BZMPOP 0 1 z MID\na> BZMPOP 0 1 z MIN COUNT 0",
    "w> SET z v\na> BZPOPMIN z 0\na> BZMPOP 0 1 z MIN",
    // What is counted and noted of those who waited.
    "w> CONFIG RESETSTAT\na! BLPOP l 0\nw> CLIENT UNBLOCK {a} ERROR\na<\nw> INFO errorstats",
    "w> CONFIG SET slowlog-log-slower-than 0\na! BLPOP l 0\nw> MULTI\nw> RPUSH l x\nw> SLOWLOG RESET\nw> EXEC\na<\nw> SLOWLOG LEN\nw> CONFIG SET slowlog-log-slower-than 10000",
    "a> PING\nm> MONITOR\na> MULTI\na> SET k v\na> EXEC\nm<\nm<\nm<",
    "a> PING\nm> MONITOR\na> AUTH p\na> AUTH u p\na> HELLO 2 SETNAME auth AUTH u p\na> MIGRATE 127.0.0.1 1 gone 9 50 AUTH p\n\
     a> MIGRATE 127.0.0.1 1 gone 9 50 REPLACE AUTH2 u p\na> MIGRATE 127.0.0.1 1  9 50 AUTH p KEYS auth gone\n\
     m<\nm<\nm<\nm<\nm<\nm<",
    "a> CONFIG SET slowlog-log-slower-than 0\na> SLOWLOG RESET\na> AUTH p\na> CONFIG SET masteruser u hz 10 masterauth p\n\
     a> CONFIG SET slowlog-log-slower-than -1\na> SLOWLOG LEN\na> CONFIG SET masteruser \"\" masterauth \"\" slowlog-log-slower-than 10000",
    "a> EXEC x\na> MULTI\na> SET k 1\na> EXEC x\na> GET k\na> MULTI\na> SET k 1\nw> CONFIG SET min-replicas-to-write 1\na> EXEC\n\
     a> EXEC\na> MULTI\na> GET k\na> EXEC\nw> CONFIG SET min-replicas-to-write 0\na> WATCH k\na> MULTI\na> SET k 1\n\
     w> CONFIG SET maxmemory 1\na> EXEC\nw> CONFIG SET maxmemory 0\nw> SET k 2\na> MULTI\na> GET k\na> EXEC",
    // Lists beside them.
    "a! BLPOP l z 0\nb! BZPOPMIN z l 0\nw> ZADD z 1 one\nb<\nw> RPUSH l x\na<",
    "a! BLMOVE l m LEFT RIGHT 0\nb! BLPOP m 0\nw> RPUSH l x\na<\nb<",
    "a! BRPOPLPUSH l m 0\nw> SET m v\nw> RPUSH l x\na<\nw> LRANGE l 0 -1",
    "w> RPUSH m 5\na! BLPOP l 0\nw> SORT m STORE l\na<",
    "a! BLPOP l 0\nw> CLIENT UNBLOCK {a}\na<\nw> CLIENT UNBLOCK {a}",
    "a! BLPOP l 0\nw> CLIENT UNBLOCK {a} ERROR\na<",
    "a! BZPOPMIN z 0\nw> CLIENT UNBLOCK {a} TIMEOUT\na<\nw> CLIENT UNBLOCK {a} NEVER",
    "a! XREAD BLOCK 0 STREAMS x $\nw> CLIENT UNBLOCK {a}\na<",
    // A pause.
    "c> MULTI\nc> INCR n\nw> CLIENT PAUSE 100000 WRITE\na> GET k\na! SET k v\nb! PUBLISH c m\nc! EXEC\nw> GET k\nw> CLIENT UNPAUSE\na<\nb<\nc<\nw> GET k",
    "w> CLIENT PAUSE 100 ALL\na. PING\na<\nw> PING",
    "w> CLIENT PAUSE 100000 WRITE\na! SET k 1\nb! PFCOUNT p\nw> CLIENT PAUSE 1 WRITE\nw> CLIENT UNPAUSE\na<\nb<",
    "w> CLIENT PAUSE x\nw> CLIENT PAUSE -1\nw> CLIENT PAUSE 5 SOME\nw> CLIENT UNPAUSE\nw> CLIENT UNPAUSE x",
    // Streams.
    "a! XREAD BLOCK 0 STREAMS x $\nb! XREAD COUNT 1 BLOCK 0 STREAMS y x 0 0\nw> XADD x 5-1 f v\na<\nb<",
    "w> XADD x 5-1 f v\na> XREAD BLOCK 0 STREAMS x 0\na! XREAD BLOCK 0 STREAMS x 5-1\nw> XDEL x 5-1\nw> DEL x\nw> XADD x 4-1 f v\nw> XADD x 6-1 f v\na<",
    "a! XREAD BLOCK 20 STREAMS x $\na<",
    "a! XREAD BLOCK 0 STREAMS x $\nw> MULTI\nw> XADD x 5-1 f v\nw> XADD x 5-2 f v\nw> EXEC\na<",
    "a! XREAD BLOCK 0 STREAMS x 0\nw> LPUSH x e\nw> DEL x\nw> XADD x 5-1 f v\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nb! XREADGROUP GROUP g d COUNT 1 BLOCK 0 STREAMS x >\nw> XADD x 5-1 f v\na<\nw> XADD x 6-1 f v\nb<\nw> XPENDING x g",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c NOACK BLOCK 0 STREAMS x >\nw> XADD x 5-1 f v\na<\nw> XPENDING x g",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XGROUP DESTROY x g\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> DEL x\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> SET x v\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XGROUP CREATE y h $ MKSTREAM\nw> RENAME y x\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> FLUSHALL\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> SWAPDB 0 9\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XGROUP SETID x g 3-0\nw> XADD x 2-0 f v\nw> XADD x 5-1 f v\na<",
    "w> XGROUP CREATE x g $ MKSTREAM\nw> XADD x 6-0 f v\nw> XDEL x 6-0\na! XREADGROUP GROUP g c BLOCK 0 STREAMS x >\nw> XADD x 7-0 f v\na<",
    "w> XGROUP CREATE x g 0 MKSTREAM\nw> XADD x 6-0 f v\na> XREADGROUP GROUP g c BLOCK 0 STREAMS x >\na> XREADGROUP GROUP g c BLOCK 0 STREAMS x 0\na> XREADGROUP GROUP g c BLOCK 0 STREAMS x 7",
];

#[test]
fn those_who_wait_are_served_as_by_redis() {
    crate::scenario::compare(SCENARIOS, &[2, 3]);
}
