//! One key and its value in one block of memory.
//!
//! ```text
//! access   u32      the eviction policy's word about the key
//! flags    u8       kind of value (2 bits), has a deadline, was edited in place
//! key_len  varint   7 bits a byte, the low ones first
//! len      varint   of the value, only if it is inline
//! expire   i64      Unix milliseconds, only if it has a deadline
//! key      bytes
//! value    bytes if inline, else a pointer: a boxed string (longer than 4,000 bytes), or a boxed value of another type
//! ```
//!
//! `key-123456` with `value-123456` takes 29 bytes, a block of 32. A block's size follows from its contents, so nothing
//! else remembers it.
//!
//! Invariants, on which every `unsafe` here rests:
//! - A `Block` is made by [`create`] and is live until [`destroy`] or [`dissolve`]; its [`Dict`](super::dict) holds it in
//!   one table slot and nowhere else, and lends it out under its own borrow.
//! - The header is written by `create` alone and tells the truth about the block's length; only `access`, the value's bytes
//!   and the deadline change in place.

use std::{marker::PhantomData, ptr::NonNull};

use super::slab::{Slab, block_bytes, is_direct};
use crate::types::{self, heap::heap_bytes};

/// Values up to this long lie in their entry.
pub(super) const INLINE_LEN_MAX: usize = 4000;

const ACCESS_BYTES: usize = 4;
const LENGTHS_AT: usize = 5;
const DEADLINE_BYTES: usize = 8;
const POINTER_BYTES: usize = 8;

const KIND_MASK: u8 = 0b0011;
const KIND_INLINE: u8 = 0;
const KIND_LONG: u8 = 1;
const KIND_OBJECT: u8 = 2;
const HAS_DEADLINE: u8 = 0b0100;
const WAS_EDITED: u8 = 0b1000;

/// The address of an entry.
pub(super) type Block = NonNull<u8>;

/// A value about to be stored.
pub(super) enum Content<'a> {
    /// A string of at most [`INLINE_LEN_MAX`] bytes.
    Inline(&'a [u8]),
    /// A longer string, in a box so that its entry holds one pointer.
    #[expect(clippy::box_collection)]
    Long(Box<Vec<u8>>),
    /// A value of another type.
    Object(Box<types::Value>),
}

impl<'a> Content<'a> {
    /// A string, stored as its length demands.
    pub(super) fn string(bytes: &'a [u8]) -> Self {
        if bytes.len() <= INLINE_LEN_MAX {
            Self::Inline(bytes)
        } else {
            Self::Long(Box::new(bytes.to_vec()))
        }
    }

    /// Bytes it will take under a key of this length, as the allocators round them.
    pub(super) fn bytes(&self, key_len: usize, has_deadline: bool) -> usize {
        let block = |inline_len| block_bytes(size_of_entry(key_len, inline_len, has_deadline));
        match self {
            Self::Inline(bytes) => block(Some(bytes.len())),
            Self::Long(long) => block(None) + long_bytes(long.capacity()),
            Self::Object(value) => block(None) + object_bytes(value),
        }
    }
}

/// What is written at the head of an entry besides the key and value.
#[derive(Clone, Copy, Default)]
pub(super) struct Header {
    /// The eviction policy's word.
    pub(super) access: u32,
    /// Unix milliseconds.
    pub(super) expire_ms: Option<i64>,
    /// Whether the value was changed in place, which OBJECT ENCODING tells.
    pub(super) edited: bool,
}

/// Bytes of the block for a string, as the slab rounds them, and of the long string outside it.
pub(super) fn string_bytes(key_len: usize, value_len: usize, has_deadline: bool) -> usize {
    let inline = value_len <= INLINE_LEN_MAX;
    let block = block_bytes(size_of_entry(
        key_len,
        inline.then_some(value_len),
        has_deadline,
    ));
    if inline {
        block
    } else {
        block + long_bytes(value_len)
    }
}

/// Bytes that a long string of this capacity takes outside its entry.
fn long_bytes(capacity: usize) -> usize {
    heap_bytes(size_of::<Vec<u8>>()) + heap_bytes(capacity)
}

/// Bytes that a value of another type takes outside its entry.
fn object_bytes(value: &types::Value) -> usize {
    heap_bytes(size_of::<types::Value>()) + value.memory_bytes()
}

/// The capacity that a long string grows to: an eighth more than it had, so that appending byte by byte is not quadratic.
fn grown_capacity(capacity: usize, len: usize) -> usize {
    if len <= capacity {
        capacity
    } else {
        len.max(capacity + capacity / 8)
    }
}

fn size_of_entry(key_len: usize, inline_len: Option<usize>, has_deadline: bool) -> usize {
    let value = inline_len.map_or(POINTER_BYTES, |len| varint_len(len) + len);
    let deadline = if has_deadline { DEADLINE_BYTES } else { 0 };
    LENGTHS_AT + varint_len(key_len) + deadline + key_len + value
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Writes an entry into a new block.
pub(super) fn create(slab: &mut Slab, key: &[u8], header: Header, content: Content<'_>) -> Block {
    let (kind, inline_len) = match &content {
        Content::Inline(bytes) => (KIND_INLINE, Some(bytes.len())),
        Content::Long(_) => (KIND_LONG, None),
        Content::Object(_) => (KIND_OBJECT, None),
    };
    let block = slab.allocate(size_of_entry(
        key.len(),
        inline_len,
        header.expire_ms.is_some(),
    ));
    let deadline = if header.expire_ms.is_some() {
        HAS_DEADLINE
    } else {
        0
    };
    let edited = if header.edited { WAS_EDITED } else { 0 };
    let mut writer = Writer(block);
    // SAFETY: the writes add up to `size_of_entry` of the same arguments.
    unsafe {
        writer.bytes(&header.access.to_ne_bytes());
        writer.bytes(&[kind | deadline | edited]);
        writer.varint(key.len());
        inline_len.into_iter().for_each(|len| writer.varint(len));
        header
            .expire_ms
            .into_iter()
            .for_each(|ms| writer.bytes(&ms.to_ne_bytes()));
        writer.bytes(key);
        match content {
            Content::Inline(bytes) => writer.bytes(bytes),
            Content::Long(long) => {
                writer.bytes(&Box::into_raw(long).expose_provenance().to_ne_bytes())
            }
            Content::Object(object) => {
                writer.bytes(&Box::into_raw(object).expose_provenance().to_ne_bytes())
            }
        }
    }
    block
}

/// Frees an entry and what it owns.
///
/// # Safety
/// `block` is live, of this slab, and no view of it is in use.
pub(super) unsafe fn destroy(slab: &mut Slab, block: Block) {
    // SAFETY: per the contract.
    drop(unsafe { dissolve(slab, block) });
}

/// Frees an entry but for the long string or object it owns, which it returns.
///
/// # Safety
/// `block` is live, of this slab, and no view of it is in use.
pub(super) unsafe fn dissolve(slab: &mut Slab, block: Block) -> Option<Content<'static>> {
    // SAFETY: the block is live; a pointer in it came from `Box::into_raw` of the type that its kind names, and goes with it.
    unsafe {
        let view = EntryRef::new(block);
        let layout = view.layout();
        let owned = match layout.kind {
            KIND_LONG => Some(Content::Long(Box::from_raw(view.pointer(&layout)))),
            KIND_OBJECT => Some(Content::Object(Box::from_raw(view.pointer(&layout)))),
            _ => None,
        };
        slab.release(block, layout.size);
        owned
    }
}

/// Appends to a block.
struct Writer(NonNull<u8>);

impl Writer {
    /// # Safety
    /// The block has room for them.
    unsafe fn bytes(&mut self, bytes: &[u8]) {
        // SAFETY: per the contract; `bytes` is not part of a block that nobody else has seen yet.
        unsafe {
            self.0
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            self.0 = self.0.add(bytes.len());
        }
    }

    /// # Safety
    /// The block has room for it.
    unsafe fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            // SAFETY: per the contract.
            unsafe { self.bytes(&[value as u8 | 0x80]) };
            value >>= 7;
        }
        // SAFETY: per the contract.
        unsafe { self.bytes(&[value as u8]) };
    }
}

/// Where the parts of an entry lie.
struct Layout {
    kind: u8,
    key_at: usize,
    key_len: usize,
    /// Of an inline value, or of the pointer in its place.
    value_len: usize,
    /// Of the whole entry.
    size: usize,
}

impl Layout {
    fn value_at(&self) -> usize {
        self.key_at + self.key_len
    }
}

/// A view of a live entry.
#[derive(Clone, Copy)]
pub(super) struct EntryRef<'a> {
    block: Block,
    lifetime: PhantomData<&'a [u8]>,
}

/// What an entry holds.
pub(super) enum Held<'a> {
    /// A string, in the entry or outside.
    String(&'a [u8]),
    /// A value of another type.
    Object(&'a types::Value),
}

impl<'a> EntryRef<'a> {
    /// # Safety
    /// `block` is live and stays so for `'a`, in which nothing but its access word is written.
    pub(super) unsafe fn new(block: Block) -> Self {
        Self {
            block,
            lifetime: PhantomData,
        }
    }

    /// The policy's word.
    #[inline]
    pub(super) fn access(self) -> u32 {
        // SAFETY: blocks are aligned to 8 and begin with it.
        unsafe { self.block.cast::<u32>().read() }
    }

    /// Whether the value was changed in place.
    pub(super) fn edited(self) -> bool {
        self.flags() & WAS_EDITED != 0
    }

    /// When it expires, Unix milliseconds.
    #[inline]
    pub(super) fn expire_ms(self) -> Option<i64> {
        let has_deadline = self.flags() & HAS_DEADLINE != 0;
        has_deadline.then(|| {
            let deadline_at = self.layout().key_at - DEADLINE_BYTES;
            // SAFETY: a deadline lies right before the key.
            unsafe { self.block.add(deadline_at).cast::<i64>().read_unaligned() }
        })
    }

    /// The key.
    #[inline]
    pub(super) fn key(self) -> &'a [u8] {
        let layout = self.layout();
        // SAFETY: the header tells where it lies.
        unsafe {
            std::slice::from_raw_parts(self.block.add(layout.key_at).as_ptr(), layout.key_len)
        }
    }

    /// The value.
    #[inline]
    pub(super) fn held(self) -> Held<'a> {
        let layout = self.layout();
        // SAFETY: the header tells where and of which kind it is; what a pointer owns lives as long as the entry.
        unsafe {
            match layout.kind {
                KIND_INLINE => Held::String(std::slice::from_raw_parts(
                    self.block.add(layout.value_at()).as_ptr(),
                    layout.value_len,
                )),
                KIND_LONG => Held::String(&*self.pointer::<Vec<u8>>(&layout)),
                _ => Held::Object(&*self.pointer::<types::Value>(&layout)),
            }
        }
    }

    /// Bytes of the block, as the slab rounds them, and outside it.
    pub(super) fn bytes(self) -> usize {
        let layout = self.layout();
        block_bytes(layout.size) + self.outside_bytes()
    }

    /// Bytes of the long string or object that the entry owns.
    pub(super) fn outside_bytes(self) -> usize {
        let layout = self.layout();
        // SAFETY: as in `held`.
        unsafe {
            match layout.kind {
                KIND_LONG => long_bytes((*self.pointer::<Vec<u8>>(&layout)).capacity()),
                KIND_OBJECT => object_bytes(&*self.pointer::<types::Value>(&layout)),
                _ => 0,
            }
        }
    }

    /// What `bytes` would be under a key of another length.
    pub(super) fn bytes_under(self, key_len: usize) -> usize {
        self.bytes_of(key_len, self.expire_ms().is_some())
    }

    /// What `bytes` would be with or without a deadline.
    pub(super) fn bytes_with_deadline(self, has_deadline: bool) -> usize {
        self.bytes_of(self.layout().key_len, has_deadline)
    }

    fn bytes_of(self, key_len: usize, has_deadline: bool) -> usize {
        let layout = self.layout();
        let inline_len = (layout.kind == KIND_INLINE).then_some(layout.value_len);
        block_bytes(size_of_entry(key_len, inline_len, has_deadline)) + self.outside_bytes()
    }

    /// What `bytes` would be for a string after [`Keyspace::edit_string`](super::Keyspace::edit_string) to this length.
    pub(super) fn bytes_resized(self, len: usize) -> usize {
        let layout = self.layout();
        if layout.kind != KIND_LONG {
            return string_bytes(layout.key_len, len, self.expire_ms().is_some());
        }
        // SAFETY: as in `held`.
        let capacity = unsafe { (*self.pointer::<Vec<u8>>(&layout)).capacity() };
        block_bytes(layout.size) + long_bytes(grown_capacity(capacity, len))
    }

    /// Whether it is a string outside the entry.
    pub(super) fn is_long(self) -> bool {
        self.layout().kind == KIND_LONG
    }

    /// Whether it is a value of another type.
    pub(super) fn is_object(self) -> bool {
        self.layout().kind == KIND_OBJECT
    }

    /// Whether forgetting the slab would leak something of this entry's: an owned value, or a block of its own.
    pub(super) fn reaches_outside(self) -> bool {
        let layout = self.layout();
        layout.kind != KIND_INLINE || is_direct(layout.size)
    }

    #[inline]
    fn flags(self) -> u8 {
        // SAFETY: the flags follow the access word.
        unsafe { self.block.add(ACCESS_BYTES).read() }
    }

    /// Reads the header.
    #[inline]
    fn layout(self) -> Layout {
        let flags = self.flags();
        let kind = flags & KIND_MASK;
        // SAFETY: the lengths follow the flags, as `create` wrote them.
        let (key_len, mut at) = unsafe { self.varint(LENGTHS_AT) };
        let mut value_len = POINTER_BYTES;
        if kind == KIND_INLINE {
            // SAFETY: likewise.
            (value_len, at) = unsafe { self.varint(at) };
        }
        let key_at = if flags & HAS_DEADLINE == 0 {
            at
        } else {
            at + DEADLINE_BYTES
        };
        Layout {
            kind,
            key_at,
            key_len,
            value_len,
            size: key_at + key_len + value_len,
        }
    }

    /// The number at `at`, and where the next field begins.
    ///
    /// # Safety
    /// A varint lies there.
    #[inline]
    unsafe fn varint(self, at: usize) -> (usize, usize) {
        // SAFETY: per the contract.
        let first = unsafe { self.block.add(at).read() };
        if first < 0x80 {
            return (usize::from(first), at + 1);
        }
        let (mut value, mut next, mut shift) = (usize::from(first & 0x7f), at + 1, 7);
        loop {
            // SAFETY: the byte before said that another follows.
            let byte = unsafe { self.block.add(next).read() };
            value |= usize::from(byte & 0x7f) << shift;
            (next, shift) = (next + 1, shift + 7);
            if byte < 0x80 {
                return (value, next);
            }
        }
    }

    /// The pointer in place of an inline value.
    ///
    /// # Safety
    /// The entry's kind is the one that owns a `T`.
    unsafe fn pointer<T>(self, layout: &Layout) -> *mut T {
        // SAFETY: per the contract `create` wrote it there, and exposed it.
        let address = unsafe {
            self.block
                .add(layout.value_at())
                .cast::<usize>()
                .read_unaligned()
        };
        std::ptr::with_exposed_provenance_mut(address)
    }
}

/// A view of a live entry through which its value and deadline may change in place.
pub(super) struct EntryMut<'a>(EntryRef<'a>);

impl<'a> EntryMut<'a> {
    /// The policy's word.
    #[inline]
    pub(super) fn access(&self) -> u32 {
        self.0.access()
    }

    /// # Safety
    /// `block` is live and stays so for `'a`, in which nothing else reads or writes it.
    pub(super) unsafe fn new(block: Block) -> Self {
        // SAFETY: per the contract.
        Self(unsafe { EntryRef::new(block) })
    }

    /// When it expires, Unix milliseconds.
    #[inline]
    pub(super) fn expire_ms(&self) -> Option<i64> {
        self.0.expire_ms()
    }

    /// Bytes of the long string or object that the entry owns.
    #[inline]
    pub(super) fn outside_bytes(&self) -> usize {
        self.0.outside_bytes()
    }

    /// Sets the policy's word.
    #[inline]
    pub(super) fn set_access(&mut self, word: u32) {
        // SAFETY: blocks are aligned to 8 and begin with it.
        unsafe { self.0.block.cast::<u32>().write(word) }
    }

    /// Changes the deadline of an entry that has one; says whether it had.
    pub(super) fn set_expire_ms(&mut self, expire_ms: i64) -> bool {
        let has_deadline = self.0.flags() & HAS_DEADLINE != 0;
        if has_deadline {
            let layout = self.0.layout();
            // SAFETY: a deadline lies right before the key.
            unsafe {
                self.0
                    .block
                    .add(layout.key_at - DEADLINE_BYTES)
                    .cast::<i64>()
                    .write_unaligned(expire_ms)
            }
        }
        has_deadline
    }

    /// Writes another short string over the inline value, with its deadline, if they fit into the block as it is; says whether
    /// they did.
    #[inline]
    pub(super) fn overwrite(&mut self, header: Header, value: &[u8]) -> bool {
        if self.0.expire_ms().is_some() != header.expire_ms.is_some() {
            return false;
        }
        let Some(place) = self.resize_inline(value.len(), header.edited) else {
            return false;
        };
        place.copy_from_slice(value);
        header
            .expire_ms
            .into_iter()
            .for_each(|at| _ = self.set_expire_ms(at));
        true
    }

    /// The inline value made `len` bytes long, new ones zero, if it is inline and the block has just the right size for that.
    #[inline]
    pub(super) fn resize_inline(&mut self, len: usize, edited: bool) -> Option<&mut [u8]> {
        let layout = self.0.layout();
        let size = (layout.size - layout.value_len).checked_add(len)?;
        let same_block = size == layout.size
            || (!is_direct(size)
                && !is_direct(layout.size)
                && block_bytes(size) == block_bytes(layout.size));
        let fits = layout.kind == KIND_INLINE
            && len <= INLINE_LEN_MAX
            && varint_len(len) == varint_len(layout.value_len)
            && same_block;
        if !fits {
            return None;
        }
        let flags = self.0.flags() & !WAS_EDITED | if edited { WAS_EDITED } else { 0 };
        // SAFETY: the block holds `size` bytes, as its class is the same; the length is written as wide as it was.
        unsafe {
            self.0.block.add(ACCESS_BYTES).write(flags);
            Writer(self.0.block.add(LENGTHS_AT + varint_len(layout.key_len))).varint(len);
            let value = self.0.block.add(layout.value_at());
            if len > layout.value_len {
                value
                    .add(layout.value_len)
                    .write_bytes(0, len - layout.value_len);
            }
            Some(std::slice::from_raw_parts_mut(value.as_ptr(), len))
        }
    }

    /// The long string made `len` bytes long, new ones zero, if it is one; from now on it counts as edited.
    pub(super) fn edit_long(&mut self, len: usize) -> Option<&mut [u8]> {
        let layout = self.0.layout();
        if layout.kind != KIND_LONG {
            return None;
        }
        // SAFETY: as in `EntryRef::held`, and this view is the only one.
        let long = unsafe {
            self.0
                .block
                .add(ACCESS_BYTES)
                .write(self.0.flags() | WAS_EDITED);
            &mut *self.0.pointer::<Vec<u8>>(&layout)
        };
        let capacity = grown_capacity(long.capacity(), len);
        long.reserve_exact(capacity.saturating_sub(long.len()));
        long.resize(len, 0);
        Some(long)
    }

    /// The value of another type, if it is one.
    pub(super) fn edit_object(&mut self) -> Option<&mut types::Value> {
        let layout = self.0.layout();
        // SAFETY: as in `EntryRef::held`, and this view is the only one.
        (layout.kind == KIND_OBJECT)
            .then(|| unsafe { &mut *self.0.pointer::<types::Value>(&layout) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(slab: &mut Slab, key: &[u8], value: &[u8], expire_ms: Option<i64>) {
        let header = Header {
            access: 77,
            expire_ms,
            edited: false,
        };
        let block = create(slab, key, header, Content::string(value));
        // SAFETY: live until destroyed below.
        let entry = unsafe { EntryRef::new(block) };
        assert_eq!(
            (entry.key(), entry.access(), entry.expire_ms()),
            (key, 77, expire_ms)
        );
        assert!(matches!(entry.held(), Held::String(bytes) if bytes == value));
        assert_eq!(
            entry.bytes(),
            string_bytes(key.len(), value.len(), expire_ms.is_some())
        );
        assert_eq!(entry.bytes() - entry.outside_bytes(), slab.live_bytes());
        // SAFETY: live, and the view is no longer used.
        unsafe { destroy(slab, block) };
        assert_eq!(slab.live_bytes(), 0);
    }

    #[test]
    fn what_was_written_reads_back_at_every_width() {
        let mut slab = Slab::new();
        let lens = [0, 1, 10, 127, 128, 3999, 4000, 4001, 16_383, 16_384, 70_000];
        for key_len in lens {
            for value_len in lens {
                let (key, value) = (vec![b'k'; key_len], vec![b'v'; value_len]);
                round_trip(&mut slab, &key, &value, None);
                round_trip(&mut slab, &key, &value, Some(i64::MIN + 5));
            }
        }
    }

    #[test]
    fn the_shortest_common_entry_takes_32_bytes() {
        assert_eq!(
            string_bytes(b"key-123456".len(), b"value-123456".len(), false),
            32
        );
        assert_eq!(
            string_bytes(b"key-1234567".len(), b"value-1234567".len(), false),
            32
        );
        assert_eq!(
            string_bytes(b"key-123456".len(), b"value-123456".len(), true),
            40
        );
    }

    #[test]
    fn a_value_changes_in_place_only_within_its_block() {
        let mut slab = Slab::new();
        let header = Header {
            access: 1,
            expire_ms: Some(9),
            edited: false,
        };
        let block = create(&mut slab, b"key", header, Content::Inline(b"abc"));
        // SAFETY: the block is live throughout, and one view is used at a time.
        unsafe {
            EntryMut::new(block).resize_inline(5, true).unwrap()[3..].copy_from_slice(b"de");
            assert!(EntryMut::new(block).resize_inline(100, true).is_none());
            assert!(EntryMut::new(block).set_expire_ms(10));
            EntryMut::new(block).set_access(2);
            let entry = EntryRef::new(block);
            assert!(matches!(entry.held(), Held::String(b"abcde")));
            assert_eq!(
                (
                    entry.key(),
                    entry.expire_ms(),
                    entry.access(),
                    entry.edited()
                ),
                (&b"key"[..], Some(10), 2, true)
            );
            destroy(&mut slab, block);
        }
    }

    #[test]
    fn dissolving_hands_out_what_the_entry_owned() {
        let mut slab = Slab::new();
        let value = types::Value::List(types::List::default());
        let block = create(
            &mut slab,
            b"key",
            Header::default(),
            Content::Object(Box::new(value)),
        );
        // SAFETY: the block is live.
        let owned = unsafe { dissolve(&mut slab, block) };
        assert!(matches!(owned, Some(Content::Object(_))));
        assert_eq!(slab.live_bytes(), 0);
    }
}
