"""What a Python program does with a cache, through redis-py, over both protocols. Prints `done` where all of it holds."""

import sys

import redis

port = int(sys.argv[1])


def check_types(cache):
    """Streams, counts of distinct elements, places, sorting."""
    entry = cache.xadd("stream", {"f": "v"})
    assert cache.xgroup_create("stream", "group", "0")
    assert cache.xreadgroup("group", "me", {"stream": ">"})
    assert cache.xpending("stream", "group")["pending"] == 1
    assert cache.xack("stream", "group", entry) == 1
    assert cache.xinfo_stream("stream")["length"] == 1 and cache.xinfo_stream("stream", full=True)

    assert cache.pfadd("count", 1, 2, 3) == 1 and cache.pfcount("count") == 3

    assert cache.geoadd("places", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")) == 2
    assert abs(float(cache.geodist("places", "Palermo", "Catania", "km")) - 166.2742) < 1e-3
    assert len(cache.geosearch("places", longitude=15, latitude=37, radius=200, unit="km")) == 2

    cache.rpush("list", 3, 1, 2)
    assert cache.sort("list") == ["1", "2", "3"]


def check(protocol):
    cache = redis.Redis(port=port, protocol=protocol, decode_responses=True)
    cache.flushall()
    check_types(cache)
    cache.flushall()

    assert cache.ping()
    assert cache.set("user:1", "Tantia Tope")
    assert cache.get("user:1") == "Tantia Tope"
    assert cache.set("user:1", "other", nx=True) is None
    assert cache.set("user:1", "new", get=True) == "Tantia Tope"
    assert cache.exists("user:1", "user:2") == 1
    assert cache.delete("user:1") == 1 and cache.get("user:1") is None

    assert cache.set("session", "x", px=100_000)
    assert 90_000 < cache.pttl("session") <= 100_000
    assert cache.expire("session", 5, gt=True) is False
    assert cache.persist("session") and cache.ttl("session") == -1

    assert cache.incr("counter") == 1 and cache.incrby("counter", 41) == 42 and cache.decr("counter") == 41
    assert cache.incrbyfloat("counter", 0.5) == 41.5

    assert cache.mset({f"key-{i}": f"value-{i}" for i in range(1000)})
    assert cache.mget([f"key-{i}" for i in range(1001)]) == [f"value-{i}" for i in range(1000)] + [None]
    assert sorted(cache.scan_iter("key-99*", count=50)) == sorted(["key-99"] + [f"key-99{i}" for i in range(10)])
    assert cache.dbsize() == 1002

    with cache.pipeline(transaction=False) as pipe:
        for i in range(100):
            pipe.get(f"key-{i}")
        assert pipe.execute() == [f"value-{i}" for i in range(100)]

    cache.config_set("maxmemory-policy", "allkeys-lfu")
    assert cache.config_get("maxmemory*")["maxmemory-policy"] == "allkeys-lfu"
    cache.config_set("maxmemory-policy", "noeviction")
    info = cache.info()
    assert info["used_memory"] > 0 and info["db0"]["keys"] == 1002
    assert cache.object("encoding", "key-1") == "embstr"
    assert cache.memory_usage("key-1") > 0
    assert len(cache.command()) > 40
    assert cache.client_id() > 0 and cache.client_setname("smoke") and cache.client_getname() == "smoke"

    binary = redis.Redis(port=port, protocol=protocol)
    everything = bytes(range(256))
    assert binary.set(everything, everything) and binary.get(everything) == everything
    payload = binary.dump(everything)
    assert binary.restore("copy", 0, payload) and binary.get("copy") == everything

    try:
        cache.execute_command("NOSUCH", "command")
        raise AssertionError("an unknown command was answered")
    except redis.ResponseError as error:
        assert "unknown command" in str(error)


check(2)
check(3)
print("done")
