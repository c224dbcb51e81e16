//! The hash slot of a key, as the specification of Redis Cluster has it: CRC16 (XMODEM) of the key or of its tag, modulo 16384.

/// Hash slots of a cluster.
pub const SLOTS: u16 = 16_384;

/// By byte: its share of the sum, for the polynomial 0x1021.
const SHARES: [u16; 256] = shares();

const fn shares() -> [u16; 256] {
    let (mut shares, mut byte) = ([0; 256], 0);
    while byte < 256 {
        let (mut share, mut bit) = ((byte as u16) << 8, 0);
        while bit < 8 {
            let carry = share >> 15;
            share = (share << 1) ^ (0x1021 * carry);
            bit += 1;
        }
        shares[byte] = share;
        byte += 1;
    }
    shares
}

/// The slot of a key.
#[must_use]
pub fn of_key(key: &[u8]) -> u16 {
    let sum = tag(key).iter().fold(0_u16, |sum, byte| {
        let [high, _] = sum.to_be_bytes();
        let share = SHARES.get(usize::from(high ^ byte));
        (sum << 8) ^ share.copied().unwrap_or_default()
    });
    sum % SLOTS
}

/// What stands between the first `{` and the `}` behind it, if anything does; else the whole key.
fn tag(key: &[u8]) -> &[u8] {
    let between = || {
        let open = key.iter().position(|byte| *byte == b'{')?;
        let behind = key.get(open + 1..)?;
        let length = behind.iter().position(|byte| *byte == b'}')?;
        behind.get(..length).filter(|tag| !tag.is_empty())
    };
    between().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        for (key, slot) in [
            ("123456789", 0x31c3),
            ("foo", 12_182),
            ("hello", 866),
            ("foo{hash_tag}", 2515),
            ("bar{hash_tag}", 2515),
            ("", 0),
        ] {
            assert_eq!(of_key(key.as_bytes()), slot, "{key}");
        }
        assert_ne!(
            of_key(b"{}a"),
            of_key(b"a"),
            "an empty tag counts for nothing"
        );
    }
}
