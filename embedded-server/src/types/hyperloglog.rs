//! HyperLogLog in the byte format that Redis keeps in a string, so that GET, SET, DUMP and RESTORE carry it between both.
//!
//! 16 bytes of header: `HYLL`, the encoding (0 dense, 1 sparse), three unused, and the last count as a little-endian
//! integer whose highest bit says that it is stale. Then 16384 registers, either dense, six bits each from the lowest
//! bit up, or sparse, as runs:
//!
//! ```text
//! 00nnnnnn            n + 1 registers of 0
//! 01nnnnnn nnnnnnnn   n + 1 registers of 0
//! 1vvvvvnn            n + 1 registers of v + 1
//! ```
//!
//! The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6),
//! the hash MurmurHash64A (Austin Appleby) under a fixed seed: both decide the result to the last digit.

/// Registers.
const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash that choose a register.
const INDEX_BITS: u32 = 14;
/// Bits of the hash whose run of zeros is counted.
const RUN_BITS: u32 = 64 - INDEX_BITS;
/// Bits of a dense register.
const REGISTER_BITS: usize = 6;
const HEADER: usize = 16;
/// Length of the dense form.
const DENSE_LEN: usize = HEADER + REGISTERS * REGISTER_BITS / 8;
const SPARSE: u8 = 1;
/// The highest value and the longest run of the last kind above.
const VALUE_MOST: u8 = 32;
const VALUE_RUN_MOST: usize = 4;
/// The longest run of the first kind.
const ZERO_RUN_MOST: usize = 64;
/// Runs around a change that are looked at for joining.
const JOIN_WINDOW: usize = 5;

/// All registers, unpacked.
pub type Registers = [u8; REGISTERS];

/// The runs of a sparse string do not add up to the registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// A run of equal registers in the sparse form.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    value: u8,
    len: usize,
    /// Bytes it is written in.
    bytes: usize,
}

impl Run {
    /// Reads the run that `bytes` begin with.
    fn read(bytes: &[u8]) -> Option<Run> {
        let &first = bytes.first()?;
        Some(match first >> 6 {
            0 => Run {
                value: 0,
                len: usize::from(first) + 1,
                bytes: 1,
            },
            1 => {
                let low = usize::from(*bytes.get(1)?);
                Run {
                    value: 0,
                    len: (usize::from(first & 0x3f) << 8 | low) + 1,
                    bytes: 2,
                }
            }
            _ => Run {
                value: (first >> 2 & 0x1f) + 1,
                len: usize::from(first & 3) + 1,
                bytes: 1,
            },
        })
    }

    /// Appends `len` registers of `value`; nothing for none.
    fn write(out: &mut Vec<u8>, value: u8, len: usize) {
        match (value, len.wrapping_sub(1)) {
            (_, usize::MAX) => {}
            (0, n) if len <= ZERO_RUN_MOST => out.push(n as u8),
            (0, n) => out.extend([0x40 | (n >> 8) as u8, n as u8]),
            (value, n) => out.push(0x80 | (value - 1) << 2 | n as u8),
        }
    }
}

/// A new, empty one: sparse.
pub fn new() -> Vec<u8> {
    let mut bytes = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    Run::write(&mut bytes, 0, REGISTERS);
    bytes
}

/// Whether a string is one, as far as its header and length tell.
pub fn is_valid(bytes: &[u8]) -> bool {
    match bytes {
        [b'H', b'Y', b'L', b'L', 0, ..] => bytes.len() == DENSE_LEN,
        [b'H', b'Y', b'L', b'L', SPARSE, ..] => bytes.len() >= HEADER,
        _ => false,
    }
}

/// Whether it is in the sparse form.
pub fn is_sparse(bytes: &[u8]) -> bool {
    bytes.get(4) == Some(&SPARSE)
}

/// The count in the header, unless it is stale.
pub fn cached_count(bytes: &[u8]) -> Option<u64> {
    let count = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    (count >> 63 == 0).then_some(count)
}

/// Writes a count into the header.
pub fn cache_count(bytes: &mut [u8], count: u64) {
    if let Some(slot) = bytes.get_mut(8..HEADER) {
        slot.copy_from_slice(&count.to_le_bytes());
    }
}

/// Marks the count in the header as stale.
pub fn invalidate(bytes: &mut [u8]) {
    if let Some(highest) = bytes.get_mut(HEADER - 1) {
        *highest |= 0x80;
    }
}

/// Adds an element; true if a register changed. The sparse form is left when it would grow past `sparse_most` bytes.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_most: usize) -> Result<bool, Corrupt> {
    let (index, value) = register_of(element);
    let changed = raise(bytes, index, value, sparse_most)?;
    if changed {
        invalidate(bytes);
    }
    Ok(changed)
}

/// The estimated number of distinct elements.
pub fn count(bytes: &[u8]) -> Result<u64, Corrupt> {
    let mut registers = [0; REGISTERS];
    merge_into(bytes, &mut registers)?;
    Ok(estimate(&registers))
}

/// Raises each register to that of `bytes`.
pub fn merge_into(bytes: &[u8], registers: &mut Registers) -> Result<(), Corrupt> {
    if !is_sparse(bytes) {
        for (index, register) in registers.iter_mut().enumerate() {
            *register = (*register).max(dense_get(bytes, index));
        }
        return Ok(());
    }
    let mut index = 0;
    for run in runs(bytes) {
        let covered = registers.get_mut(index..index + run.len).ok_or(Corrupt)?;
        covered
            .iter_mut()
            .for_each(|register| *register = (*register).max(run.value));
        index += run.len;
    }
    if index == REGISTERS {
        Ok(())
    } else {
        Err(Corrupt)
    }
}

/// Raises the registers of `bytes` to those given; and marks its count as stale.
pub fn absorb(
    bytes: &mut Vec<u8>,
    registers: &Registers,
    sparse_most: usize,
) -> Result<(), Corrupt> {
    for (index, &value) in registers
        .iter()
        .enumerate()
        .filter(|(_, value)| **value > 0)
    {
        raise(bytes, index, value, sparse_most)?;
    }
    invalidate(bytes);
    Ok(())
}

/// Moves to the dense form.
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<(), Corrupt> {
    if !is_sparse(bytes) {
        return Ok(());
    }
    let mut registers = [0; REGISTERS];
    merge_into(bytes, &mut registers)?;
    bytes.truncate(HEADER);
    bytes.resize(DENSE_LEN, 0);
    if let Some(encoding) = bytes.get_mut(4) {
        *encoding = 0;
    }
    for (index, &value) in registers.iter().enumerate() {
        dense_set(bytes, index, value);
    }
    Ok(())
}

/// The estimate for a set of registers.
pub fn estimate(registers: &Registers) -> u64 {
    /// The limit of the bias correction for many registers, 1 / (2 ln 2).
    const ALPHA: f64 = 0.721_347_520_444_481_7;
    let mut histogram = [0u32; 64];
    registers
        .iter()
        .for_each(|&register| histogram[usize::from(register & 63)] += 1);
    let m = REGISTERS as f64;
    let full = f64::from(histogram[RUN_BITS as usize + 1]);
    let mut z = m * tau((m - full) / m);
    for &count in histogram[1..=RUN_BITS as usize].iter().rev() {
        z = (z + f64::from(count)) * 0.5;
    }
    z += m * sigma(f64::from(histogram[0]) / m);
    (ALPHA * m * m / z).round() as u64
}

/// Describes the runs of the sparse form, as PFDEBUG DECODE does; `None` for the dense one.
pub fn describe(bytes: &[u8]) -> Option<String> {
    let described = runs(bytes).map(|run| match run {
        Run {
            value: 0,
            bytes: 1,
            len,
        } => format!("z:{len}"),
        Run { value: 0, len, .. } => format!("Z:{len}"),
        Run { value, len, .. } => format!("v:{value},{len}"),
    });
    is_sparse(bytes).then(|| described.collect::<Vec<_>>().join(" "))
}

/// The part of the estimate for registers that are 0.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// The part of the estimate for registers that are as high as can be.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// The register that an element falls on, and the value that it asks for.
fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, 0xadc8_3b19);
    let run = (hash >> INDEX_BITS | 1 << RUN_BITS).trailing_zeros() + 1;
    (hash as usize & (REGISTERS - 1), run as u8)
}

/// MurmurHash64A.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(M);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let mut k = u64::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ k >> 47).wrapping_mul(M);
        hash = (hash ^ k).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let rest = tail
            .iter()
            .rev()
            .fold(0, |rest, &byte| rest << 8 | u64::from(byte));
        hash = (hash ^ rest).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

/// A register of the dense form.
fn dense_get(bytes: &[u8], index: usize) -> u8 {
    let (at, shift) = (
        HEADER + index * REGISTER_BITS / 8,
        index * REGISTER_BITS % 8,
    );
    let low = bytes.get(at).copied().unwrap_or(0);
    let high = bytes.get(at + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([low, high]) >> shift & 0x3f) as u8
}

/// Sets a register of the dense form.
fn dense_set(bytes: &mut [u8], index: usize, value: u8) {
    let (at, shift) = (
        HEADER + index * REGISTER_BITS / 8,
        index * REGISTER_BITS % 8,
    );
    let wide = u16::from(value) << shift;
    let mask = 0x3fu16 << shift;
    for (slot, part) in bytes.iter_mut().skip(at).take(2).zip(0..) {
        let shift = 8 * part;
        *slot = *slot & !((mask >> shift) as u8) | (wide >> shift) as u8;
    }
}

/// Raises a register to `value`; false if it is as high already.
fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    sparse_most: usize,
) -> Result<bool, Corrupt> {
    if is_sparse(bytes) {
        if let Some(changed) = sparse_raise(bytes, index, value, sparse_most)? {
            return Ok(changed);
        }
        make_dense(bytes)?;
    }
    let higher = dense_get(bytes, index) < value;
    if higher {
        dense_set(bytes, index, value);
    }
    Ok(higher)
}

/// The runs of the sparse form.
fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> {
    let mut rest = bytes.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let run = Run::read(rest)?;
        rest = rest.get(run.bytes..)?;
        Some(run)
    })
}

/// Raises a register of the sparse form; `None` if the sparse form cannot hold the result.
fn sparse_raise(
    bytes: &mut Vec<u8>,
    index: usize,
    value: u8,
    most: usize,
) -> Result<Option<bool>, Corrupt> {
    if value > VALUE_MOST {
        return Ok(None);
    }
    let (mut at, mut before, mut first) = (HEADER, HEADER, 0);
    let run = loop {
        let run = bytes.get(at..).and_then(Run::read).ok_or(Corrupt)?;
        if index < first + run.len {
            break run;
        }
        first += run.len;
        before = at;
        at += run.bytes;
    };
    if run.value >= value {
        return Ok(Some(false));
    }
    let mut split = Vec::with_capacity(5);
    Run::write(&mut split, run.value, index - first);
    Run::write(&mut split, value, 1);
    Run::write(&mut split, run.value, first + run.len - index - 1);
    if split.len() > run.bytes && bytes.len() + split.len() - run.bytes > most {
        return Ok(None);
    }
    bytes.splice(at..at + run.bytes, split);
    join_runs(bytes, before);
    Ok(Some(true))
}

/// Joins neighbouring runs of the same value near `at`, as far as one run can hold them.
fn join_runs(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_WINDOW {
        let Some(run) = bytes.get(at..).and_then(Run::read) else {
            return;
        };
        let next = bytes.get(at + run.bytes..).and_then(Run::read);
        match next {
            Some(next)
                if run.value > 0
                    && next.value == run.value
                    && run.len + next.len <= VALUE_RUN_MOST =>
            {
                let mut joined = Vec::with_capacity(1);
                Run::write(&mut joined, run.value, run.len + next.len);
                bytes.splice(at..at + 2, joined);
            }
            _ => at += run.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Elements 1 to n added in order, and what redis-server 7.0.15 then counts.
    const EXPECTED: [(u32, u64); 8] = [
        (1, 1),
        (10, 10),
        (100, 100),
        (500, 503),
        (1000, 1001),
        (5000, 4985),
        (20_000, 19_891),
        (100_000, 99_562),
    ];

    fn registers(bytes: &[u8]) -> Registers {
        let mut registers = [0; REGISTERS];
        merge_into(bytes, &mut registers).unwrap();
        registers
    }

    #[test]
    fn hash_and_estimates_are_those_of_redis() {
        let mut hll = new();
        let mut added = 0;
        for (n, expected) in EXPECTED {
            for i in added + 1..=n {
                add(&mut hll, i.to_string().as_bytes(), 3000).unwrap();
            }
            added = n;
            assert_eq!(count(&hll), Ok(expected), "after {n} elements");
        }
        assert!(!is_sparse(&hll));
    }

    proptest! {
        #[test]
        fn both_forms_hold_the_same_registers(elements in prop::collection::vec(any::<u16>(), 0..400)) {
            let (mut sparse, mut dense) = (new(), new());
            make_dense(&mut dense).unwrap();
            for element in &elements {
                let changed = add(&mut sparse, &element.to_le_bytes(), usize::MAX);
                prop_assert_eq!(changed, add(&mut dense, &element.to_le_bytes(), 0));
            }
            prop_assert_eq!(registers(&sparse), registers(&dense));
            prop_assert_eq!(count(&sparse), count(&dense));
            make_dense(&mut sparse).unwrap();
            prop_assert_eq!(sparse, dense);
        }

        #[test]
        fn merging_is_the_union(a in prop::collection::vec(any::<u16>(), 0..200), b in prop::collection::vec(any::<u16>(), 0..200)) {
            let build = |elements: &[u16]| {
                let mut hll = new();
                elements.iter().for_each(|element| assert!(add(&mut hll, &element.to_le_bytes(), 3000).is_ok()));
                hll
            };
            let mut merged = build(&a);
            absorb(&mut merged, &registers(&build(&b)), 3000).unwrap();
            prop_assert_eq!(registers(&merged), registers(&build(&[a, b].concat())));
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..80), element in any::<u16>()) {
            let mut hll = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
            hll.extend(bytes);
            let _ = add(&mut hll, &element.to_le_bytes(), 3000);
            let _ = (count(&hll), describe(&hll), make_dense(&mut hll));
        }
    }
}
