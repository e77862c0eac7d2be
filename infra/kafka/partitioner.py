"""The partition of a key, as Java clients and kafkajs compute it (librdkafka calls it `murmur2_random`)."""

_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """MurmurHash2, 32 bit, with the seed of Kafka's `Utils.murmur2` (Apache Kafka, clients, Utils.java)."""
    multiplier, length = 0x5BD1E995, len(key)
    hashed = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for start in range(0, whole, 4):
        block = (int.from_bytes(key[start : start + 4], "little") * multiplier) & _MASK
        block ^= block >> 24
        hashed = ((hashed * multiplier) & _MASK) ^ ((block * multiplier) & _MASK)
    if length > whole:
        hashed ^= int.from_bytes(key[whole:], "little")
        hashed = (hashed * multiplier) & _MASK
    hashed ^= hashed >> 13
    hashed = (hashed * multiplier) & _MASK
    return hashed ^ (hashed >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to `partitions` - 1, in which records of this key live."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
