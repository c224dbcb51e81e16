//! CRC-64 in the Jones variant: polynomial `ad93d23594c935a9`, bits reflected, nothing inverted. It closes
//! every dump payload.

const POLYNOMIAL_REFLECTED: u64 = 0xad93_d235_94c9_35a9u64.reverse_bits();

static TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ POLYNOMIAL_REFLECTED
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// The checksum of `bytes`.
pub fn checksum(bytes: &[u8]) -> u64 {
    extend(0, bytes)
}

/// The checksum of what has the checksum `crc` and `bytes` behind it.
pub fn extend(crc: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(crc, |crc, &byte| {
        let index = usize::from(crc as u8 ^ byte);
        TABLE[index] ^ crc >> 8
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn check_value_of_the_variant() {
        assert_eq!(super::checksum(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }
}
