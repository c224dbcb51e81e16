//! What an allocation costs: the one place that turns a requested size into bytes taken from the allocator.

/// Bytes that a request for `requested` bytes takes, bookkeeping of the allocator included; 0 for an empty request,
/// which allocates nothing.
///
/// The figures are glibc's on 64-bit: a header of 8 bytes, sizes in steps of 16, at least 32.
pub const fn heap_bytes(requested: usize) -> usize {
    if requested == 0 {
        return 0;
    }
    let rounded = (requested + 8).next_multiple_of(16);
    if rounded < 32 { 32 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::heap_bytes;

    #[test]
    fn steps_of_sixteen_from_thirty_two() {
        let taken: Vec<_> = [0, 1, 24, 25, 40, 41].into_iter().map(heap_bytes).collect();
        assert_eq!(taken, [0, 32, 32, 48, 48, 64]);
    }
}
