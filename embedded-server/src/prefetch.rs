//! Asking the processor to fetch memory before it is needed.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Begins to fetch the cache lines that hold the `length` bytes from `address` on.
#[inline(always)]
pub(crate) fn prefetch_lines(address: usize, length: usize) {
    for line in (address & !(LINE - 1)..address + length).step_by(LINE) {
        prefetch(std::ptr::without_provenance::<u8>(line));
    }
}

/// Begins to fetch the cache line at `pointer`, if this processor can be told to. A hint: any address is allowed.
#[inline(always)]
pub(crate) fn prefetch<T>(pointer: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads nothing architecturally and never faults, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(pointer.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = pointer;
}
