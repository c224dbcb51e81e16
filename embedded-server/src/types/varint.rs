//! Lengths at 7 bits a byte, low bits first, the high bit meaning that more follow; readable from either side.

/// Most bytes that a length takes.
pub(super) const LONGEST: usize = 10;

/// How many bytes `value` takes.
#[inline]
pub(super) fn len(value: usize) -> usize {
    if value < 0x80 {
        1
    } else {
        (usize::BITS - value.leading_zeros()).div_ceil(7) as usize
    }
}

/// Puts the bytes of `value` one after the other into places.
#[inline]
fn write_to<'a>(places: impl Iterator<Item = &'a mut u8>, mut value: usize) {
    for place in places {
        *place = (value & 0x7f) as u8 | if value >= 0x80 { 0x80 } else { 0 };
        value >>= 7;
        if value == 0 {
            return;
        }
    }
}

/// Takes bytes one after the other; returns the value and how many it took.
#[inline]
fn read_from<'a>(bytes: impl Iterator<Item = &'a u8>) -> (usize, usize) {
    let (mut value, mut used) = (0, 0);
    for &byte in bytes.take(LONGEST) {
        value |= usize::from(byte & 0x7f) << (7 * used);
        used += 1;
        if byte < 0x80 {
            break;
        }
    }
    (value, used)
}

/// Writes `value` at the start of `out`.
#[inline]
pub(super) fn write(out: &mut [u8], value: usize) {
    write_to(out.iter_mut(), value);
}

/// Writes `value` at the end of `out`, to be read from the right.
#[inline]
pub(super) fn write_back(out: &mut [u8], value: usize) {
    write_to(out.iter_mut().rev(), value);
}

/// Appends `value`.
pub(super) fn append(out: &mut Vec<u8>, value: usize) {
    let at = out.len();
    out.resize(at + len(value), 0);
    write(&mut out[at..], value);
}

/// Appends `value`, to be read from the right.
pub(super) fn append_back(out: &mut Vec<u8>, value: usize) {
    let at = out.len();
    out.resize(at + len(value), 0);
    write_back(&mut out[at..], value);
}

/// Reads the value at the start of `bytes`; returns it and its length.
#[inline]
pub(super) fn read(bytes: &[u8]) -> (usize, usize) {
    match bytes.first() {
        Some(&byte) if byte < 0x80 => (usize::from(byte), 1),
        _ => read_from(bytes.iter()),
    }
}

/// Reads the value at the end of `bytes`, from the right; returns it and its length.
#[inline]
pub(super) fn read_back(bytes: &[u8]) -> (usize, usize) {
    match bytes.last() {
        Some(&byte) if byte < 0x80 => (usize::from(byte), 1),
        _ => read_from(bytes.iter().rev()),
    }
}

#[cfg(test)]
mod tests {
    use super::{append, append_back, len, read, read_back};

    #[test]
    fn every_length_reads_back_from_either_side() {
        let edges = (0..usize::BITS)
            .flat_map(|bit| [(1usize << bit) - 1, 1 << bit])
            .chain([usize::MAX]);
        for value in edges {
            let (mut forward, mut backward) = (Vec::new(), vec![0xff; 3]);
            append(&mut forward, value);
            append_back(&mut backward, value);
            forward.extend([0xff; 3]);
            assert_eq!(read(&forward), (value, len(value)));
            assert_eq!(read_back(&backward), (value, len(value)));
        }
    }
}
