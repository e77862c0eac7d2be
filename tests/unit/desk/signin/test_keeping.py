"""What is kept in memory ends by itself and never grows beyond its limit."""

from infra.redis.keeping import MemoryKeeping


def test_memory_stays_within_its_limit_and_what_ends_first_goes() -> None:
    now = [0]
    keeping = MemoryKeeping(lambda: now[0], most=3)
    for name, keep in (("a", 10), ("b", 1), ("c", 20)):
        keeping.put(name, b"x", keep_ms=keep)
    keeping.put("d", b"x", keep_ms=5)
    assert keeping.get(["a", "b", "c", "d"]) == [b"x", None, b"x", b"x"]
    now[0] = 7  # d is over, so nobody who is there must go
    keeping.put("e", b"x", keep_ms=5)
    assert keeping.get(["a", "c", "d", "e"]) == [b"x", b"x", None, b"x"]
