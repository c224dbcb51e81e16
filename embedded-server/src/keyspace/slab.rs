//! The allocator of entries: size classes eight bytes apart, so that a key costs what it holds.
//!
//! ```text
//! span    1 MiB from the global allocator, aligned to 64 KiB: 16 chunks
//! chunk   64 KiB of blocks of one class, its header somewhere in its first 4 KiB, a list of free blocks through the blocks
//! class   8, 16 .. 1024, then 1088, 1152 .. 4160 bytes; a list of its chunks that have room
//! ```
//!
//! Spans are mapped page by page: a huge page saves misses of the address cache, but its first touch holds up a command for
//! longer than growth may.
//!
//! Larger requests go straight to the global allocator. A chunk without a live block can serve another class, and a span
//! without one goes back (all but one), so memory follows the data down as well as up.
//!
//! Invariants:
//! - Every block handed out lies in exactly one chunk of its class, and is on no free list until given back.
//! - A chunk is in its class's list exactly if it has room: `live < capacity`.
//! - `live_bytes` is the sum of the class sizes (and rounded direct sizes) of the blocks handed out.

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    ptr::{self, NonNull},
};

use crate::types::heap::heap_bytes;

const CHUNK_BYTES: usize = 1 << 16;
const CHUNKS_PER_SPAN: usize = 16;
const SPAN_BYTES: usize = CHUNK_BYTES * CHUNKS_PER_SPAN;
const FINE_STEP: usize = 8;
const FINE_MAX: usize = 1024;
const FINE_CLASSES: usize = FINE_MAX / FINE_STEP;
const COARSE_STEP: usize = 64;
const COARSE_CLASSES: usize = 49;
const CLASSES: usize = FINE_CLASSES + COARSE_CLASSES;

/// The largest block that comes from a chunk.
const CLASS_BYTES_MAX: usize = FINE_MAX + COARSE_CLASSES * COARSE_STEP;

/// Headers start at multiples of this; spreading them keeps them out of one another's cache sets.
const HEADER_BYTES: usize = 64;
const HEADER_PLACES: usize = 64;

const _: () = assert!(size_of::<Chunk>() <= HEADER_BYTES);

/// Bytes that a block of `size` takes from memory: its class, or what the global allocator makes of it.
pub(super) fn block_bytes(size: usize) -> usize {
    if is_direct(size) {
        heap_bytes(size)
    } else {
        class_bytes(class_of(size))
    }
}

/// Whether a block of `size` comes straight from the global allocator, and so must be released one by one.
pub(super) fn is_direct(size: usize) -> bool {
    size > CLASS_BYTES_MAX
}

fn class_of(size: usize) -> usize {
    if size <= FINE_MAX {
        size.saturating_sub(1) / FINE_STEP
    } else {
        FINE_CLASSES + (size - FINE_MAX - 1) / COARSE_STEP
    }
}

fn class_bytes(class: usize) -> usize {
    if class < FINE_CLASSES {
        (class + 1) * FINE_STEP
    } else {
        FINE_MAX + (class - FINE_CLASSES + 1) * COARSE_STEP
    }
}

/// The header of a chunk.
struct Chunk {
    /// Freed blocks, each holding the address of the next.
    free: *mut *mut u8,
    next: *mut Chunk,
    previous: *mut Chunk,
    span: u32,
    /// Blocks handed out.
    live: u32,
    /// Blocks ever taken from the untouched part.
    touched: u32,
    capacity: u32,
    class: u32,
}

/// 1 MiB of chunks.
struct Span {
    base: NonNull<u8>,
    /// Bit per chunk in use.
    used: u16,
}

/// An allocator of blocks; see the [module](self).
pub(super) struct Slab {
    /// Chunks with room, by class.
    roomy: Box<[*mut Chunk; CLASSES]>,
    /// By number; a hole where a span was given back.
    spans: Vec<Option<Span>>,
    /// Numbers of the spans that have a free chunk.
    open: Vec<u32>,
    /// Numbers of the holes in `spans`.
    vacant: Vec<u32>,
    live_bytes: usize,
}

// SAFETY: the slab owns all memory that its pointers reach and shares none of it.
unsafe impl Send for Slab {}

impl Slab {
    /// An allocator that holds nothing yet.
    pub(super) fn new() -> Self {
        let roomy = Box::new([ptr::null_mut(); CLASSES]);
        Self {
            roomy,
            spans: Vec::new(),
            open: Vec::new(),
            vacant: Vec::new(),
            live_bytes: 0,
        }
    }

    /// Bytes of the allocator itself.
    pub(super) const FIXED_BYTES: usize = heap_bytes(CLASSES * size_of::<*mut Chunk>());

    /// Sum of [`block_bytes`] over the blocks handed out.
    pub(super) fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// A block of at least `size` bytes, aligned to 8, its contents arbitrary. Its address fits 48 bits.
    pub(super) fn allocate(&mut self, size: usize) -> NonNull<u8> {
        self.live_bytes += block_bytes(size);
        if is_direct(size) {
            return allocate_global(direct_layout(size));
        }
        let class = class_of(size);
        let mut chunk = self.roomy[class];
        if chunk.is_null() {
            chunk = self.open_chunk(class);
        }
        // SAFETY: chunks in a class's list are live headers with room.
        let (block, full) = unsafe { take_block(chunk) };
        if full {
            // SAFETY: it is in the list of its class, at the head.
            unsafe { self.unlink(chunk) };
        }
        block
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` came from [`Slab::allocate`] of this slab with the same `size`, and was not given back since.
    pub(super) unsafe fn release(&mut self, block: NonNull<u8>, size: usize) {
        self.live_bytes -= block_bytes(size);
        if is_direct(size) {
            // SAFETY: allocated with this very layout.
            return unsafe { dealloc(block.as_ptr(), direct_layout(size)) };
        }
        let chunk = chunk_of(block);
        // SAFETY: the block lies in a chunk of ours, whose header is live; it is ours alone now.
        unsafe {
            let was_full = (*chunk).live == (*chunk).capacity;
            let link = block.as_ptr().cast::<*mut u8>();
            link.write((*chunk).free.cast());
            (*chunk).free = link;
            (*chunk).live -= 1;
            if was_full {
                self.link(chunk);
            }
            if (*chunk).live == 0 {
                self.unlink(chunk);
                self.close_chunk(chunk);
            }
        }
    }

    /// Puts a chunk with room at the head of its class's list.
    ///
    /// # Safety
    /// `chunk` is a live header that is in no list.
    unsafe fn link(&mut self, chunk: *mut Chunk) {
        // SAFETY: `chunk` and the list's head are live headers.
        unsafe {
            let head = &mut self.roomy[(*chunk).class as usize];
            (*chunk).previous = ptr::null_mut();
            (*chunk).next = *head;
            if let Some(next) = head.as_mut() {
                next.previous = chunk;
            }
            *head = chunk;
        }
    }

    /// Takes a chunk out of its class's list.
    ///
    /// # Safety
    /// `chunk` is a live header that is in that list.
    unsafe fn unlink(&mut self, chunk: *mut Chunk) {
        // SAFETY: `chunk` and its neighbours in the list are live headers.
        unsafe {
            let (previous, next) = ((*chunk).previous, (*chunk).next);
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => self.roomy[(*chunk).class as usize] = next,
            }
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
        }
    }

    /// Makes a free chunk one of `class` and lists it.
    fn open_chunk(&mut self, class: usize) -> *mut Chunk {
        let (number, base) = self.free_chunk();
        let chunk = header_of(base.as_ptr());
        let header = Chunk {
            free: ptr::null_mut(),
            next: ptr::null_mut(),
            previous: ptr::null_mut(),
            span: number,
            live: 0,
            touched: 0,
            capacity: capacity(base.as_ptr(), class_bytes(class)) as u32,
            class: class as u32,
        };
        // SAFETY: the chunk is ours and unused, its header lies within it, aligned; then it is a live header in no list.
        unsafe {
            chunk.write(header);
            self.link(chunk);
        }
        chunk
    }

    /// A chunk that serves no class, now marked used, with the number of its span.
    fn free_chunk(&mut self) -> (u32, NonNull<u8>) {
        loop {
            let number = self
                .open
                .last()
                .copied()
                .unwrap_or_else(|| self.open_span());
            let Some(span) = self.spans.get_mut(number as usize).and_then(Option::as_mut) else {
                self.open.pop();
                continue;
            };
            let index = span.used.trailing_ones() as usize;
            span.used |= 1 << index;
            let base = span.base;
            if span.used == u16::MAX {
                self.open.pop();
            }
            // SAFETY: a full span is not open, so `index` is below 16 and the chunk lies within the span.
            return (number, unsafe { base.add(index * CHUNK_BYTES) });
        }
    }

    fn open_span(&mut self) -> u32 {
        let span = Span {
            base: allocate_global(span_layout()),
            used: 0,
        };
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.spans.push(None);
            (self.spans.len() - 1) as u32
        });
        self.spans[number as usize] = Some(span);
        self.open.push(number);
        number
    }

    /// Makes a chunk without live blocks free, and gives its span back if it was the last of it and not the last open one.
    ///
    /// # Safety
    /// `chunk` is a header of this slab's with no live block, in no list.
    unsafe fn close_chunk(&mut self, chunk: *mut Chunk) {
        // SAFETY: per the contract the header is live.
        let number = unsafe { (*chunk).span };
        let Some(Some(span)) = self.spans.get_mut(number as usize) else {
            return;
        };
        if span.used == u16::MAX {
            self.open.push(number);
        }
        span.used &= !(1 << ((chunk.addr() - span.base.addr().get()) / CHUNK_BYTES));
        if span.used == 0 && self.open.len() > 1 {
            let base = span.base;
            self.spans[number as usize] = None;
            self.open.retain(|&open| open != number);
            self.vacant.push(number);
            // SAFETY: allocated with this layout, and no chunk of it is in use.
            unsafe { dealloc(base.as_ptr(), span_layout()) };
        }
    }
}

impl Drop for Slab {
    /// Gives all spans back at once. Whoever handed out direct blocks must have released them: see `Dict`.
    fn drop(&mut self) {
        for span in self.spans.iter().flatten() {
            // SAFETY: allocated with this layout; nothing refers to its blocks once the slab goes.
            unsafe { dealloc(span.base.as_ptr(), span_layout()) };
        }
    }
}

/// Takes a block from a chunk; says whether that was its last.
///
/// # Safety
/// `chunk` is a live header with room.
unsafe fn take_block(chunk: *mut Chunk) -> (NonNull<u8>, bool) {
    // SAFETY: the header is live; a block on its free list is free and holds the next one's address.
    unsafe {
        let chunk = &mut *chunk;
        let block = if chunk.free.is_null() {
            chunk.touched += 1;
            block_at(chunk, chunk.touched as usize - 1)
        } else {
            let block = chunk.free;
            chunk.free = (*block).cast();
            block.cast()
        };
        chunk.live += 1;
        (NonNull::new_unchecked(block), chunk.live == chunk.capacity)
    }
}

/// The `index`th block of a chunk: those before the header first, then those after it.
///
/// # Safety
/// `chunk` is a live header reached through a pointer to its whole chunk, `index < capacity`.
unsafe fn block_at(chunk: *mut Chunk, index: usize) -> *mut u8 {
    let offset = chunk.addr() % CHUNK_BYTES;
    // SAFETY: per the contract.
    let size = class_bytes(unsafe { (*chunk).class } as usize);
    let before = offset / size;
    let at = if index < before {
        index * size
    } else {
        offset + HEADER_BYTES + (index - before) * size
    };
    // SAFETY: the capacity was computed by the same division, so the block lies within the chunk.
    unsafe { chunk.cast::<u8>().sub(offset).add(at) }
}

/// Where the header of the chunk at `base` lies.
fn header_of(base: *mut u8) -> *mut Chunk {
    let place = base.addr() / CHUNK_BYTES % HEADER_PLACES;
    base.wrapping_add(place * HEADER_BYTES).cast()
}

fn chunk_of(block: NonNull<u8>) -> *mut Chunk {
    header_of(block.as_ptr().map_addr(|addr| addr & !(CHUNK_BYTES - 1)))
}

/// Blocks of `size` that the chunk at `base` holds.
fn capacity(base: *mut u8, size: usize) -> usize {
    let offset = header_of(base).addr() % CHUNK_BYTES;
    offset / size + (CHUNK_BYTES - HEADER_BYTES - offset) / size
}

fn span_layout() -> Layout {
    // SAFETY: the alignment is a power of two, and the size a multiple of it far below `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(SPAN_BYTES, CHUNK_BYTES) }
}

fn direct_layout(size: usize) -> Layout {
    // A size above isize::MAX is no slice's length, so none comes here.
    Layout::from_size_align(size, FINE_STEP).unwrap_or(Layout::new::<u64>())
}

fn allocate_global(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here has size zero.
    let block = NonNull::new(unsafe { alloc(layout) })
        .filter(|block| block.as_ptr().expose_provenance() >> 48 == 0);
    block.unwrap_or_else(|| handle_alloc_error(layout))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn classes_cover_every_size_closely() {
        for size in 1..=CLASS_BYTES_MAX {
            let class = class_of(size);
            assert!(class < CLASSES && class_bytes(class) >= size, "{size}");
            assert!(class == 0 || class_bytes(class - 1) < size, "{size}");
        }
    }

    /// Blocks handed out, by address, each filled with a byte of its own.
    #[derive(Default)]
    struct Model(BTreeMap<usize, (NonNull<u8>, usize, u8)>);

    impl Model {
        fn add(&mut self, slab: &mut Slab, size: usize, fill: u8) {
            let block = slab.allocate(size);
            let at = block.addr().get();
            assert_eq!(at % 8, 0);
            let below = self.0.range(..=at).next_back();
            assert!(
                below.is_none_or(|(&start, &(_, len, _))| start + len <= at),
                "overlap below"
            );
            assert!(
                self.0
                    .range(at..)
                    .next()
                    .is_none_or(|(&start, _)| at + size <= start),
                "overlap above"
            );
            // SAFETY: the block has `size` bytes and is ours.
            unsafe { block.write_bytes(fill, size) };
            self.0.insert(at, (block, size, fill));
        }

        fn remove(&mut self, slab: &mut Slab, index: usize) {
            let Some((&at, &(block, size, fill))) = self.0.iter().nth(index % self.0.len().max(1))
            else {
                return;
            };
            // SAFETY: handed out with this size and filled whole.
            let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), size) };
            assert!(
                bytes.iter().all(|&byte| byte == fill),
                "another block wrote here"
            );
            // SAFETY: handed out with this size, given back once.
            unsafe { slab.release(block, size) };
            self.0.remove(&at);
        }

        fn bytes(&self) -> usize {
            self.0.values().map(|&(_, size, _)| block_bytes(size)).sum()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 64 }))]
        #[test]
        fn blocks_never_overlap_and_the_ledger_is_exact(
            steps in proptest::collection::vec((0_u8..3, prop_oneof![1_usize..64, 1_usize..6000], any::<u8>()), 1..400)
        ) {
            let (mut slab, mut model) = (Slab::new(), Model::default());
            for (kind, size, fill) in steps {
                match kind {
                    0 | 1 => model.add(&mut slab, size, fill),
                    _ => model.remove(&mut slab, size),
                }
                prop_assert_eq!(slab.live_bytes(), model.bytes());
            }
            while !model.0.is_empty() {
                model.remove(&mut slab, 0);
            }
            prop_assert_eq!(slab.live_bytes(), 0);
        }
    }

    #[test]
    fn emptied_spans_go_back() {
        let (mut slab, mut model) = (Slab::new(), Model::default());
        let rounds = if cfg!(miri) { 300 } else { 3000 };
        for size in [4000, 1000] {
            for n in 0..rounds {
                model.add(&mut slab, size, n as u8);
            }
            while !model.0.is_empty() {
                model.remove(&mut slab, 0);
            }
            assert!(slab.spans.iter().flatten().count() <= 1);
        }
    }
}
