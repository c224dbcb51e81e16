//! The keys of one database: table, entries and their memory, tied together.
//!
//! All `unsafe` of the keyspace above the allocator rests on this type's invariant: every payload in `table` is the address
//! of a live entry made in `slab`, each entry in exactly one slot, with [`MARK`] exactly if it has a deadline and
//! [`OUTSIDE`] exactly if it reaches outside the slab's spans. Views borrow the dictionary, so none outlives a change.

use super::{
    entry::{self, Block, Content, EntryMut, EntryRef, Header, Held},
    hash::KeyHasher,
    slab::Slab,
    slots::SlotIndex,
    table::{MARK, Owner, Spot, Table},
};
use crate::eviction::Random;
use crate::prefetch::prefetch_lines;

/// The payload bit of an entry that must be freed by itself: it owns a value, or its block is not the slab's.
const OUTSIDE: u64 = 2;

/// The payload's bits that are no address.
const FLAGS: u64 = 0b111;

/// Bytes of an entry that are fetched ahead at the most; what comes after, the processor fetches as it sees them read in order.
const FETCHED_MAX: usize = 192;

/// The keys of one database.
pub(super) struct Dict {
    hasher: KeyHasher,
    table: Table,
    slab: Slab,
    /// Bytes of values outside their entries.
    outside_bytes: usize,
    /// Where active expiry goes on, in the table's hash order.
    pub(super) expiry_position: u64,
    /// A running mean of what active expiry saw.
    pub(super) average_ttl_ms: u64,
    /// The keys by hash slot, where that is asked for.
    pub(super) by_slot: Option<Box<SlotIndex>>,
}

/// What a removed entry held.
pub(super) struct Removed {
    /// Its access word, deadline and history of edits.
    pub(super) header: Header,
    value: Kept,
}

enum Kept {
    Copied(Vec<u8>),
    Owned(Content<'static>),
}

impl Removed {
    /// The value, ready to be stored again.
    fn content(&mut self) -> Content<'_> {
        match &mut self.value {
            Kept::Copied(bytes) => Content::Inline(bytes),
            Kept::Owned(content) => std::mem::replace(content, Content::Inline(b"")),
        }
    }
}

fn block_of(payload: u64) -> Option<Block> {
    Block::new(std::ptr::with_exposed_provenance_mut(
        (payload & !FLAGS) as usize,
    ))
}

/// # Safety
/// `payload` stands for a live entry, and lives on so for `'a` without changing but for its access word.
#[inline]
unsafe fn view<'a>(payload: u64) -> EntryRef<'a> {
    let block = std::ptr::with_exposed_provenance_mut((payload & !FLAGS) as usize);
    // SAFETY: per the contract, and no live entry is at address 0.
    unsafe { EntryRef::new(Block::new_unchecked(block)) }
}

/// Lends the table the hashes of entries.
struct Rehash<'a>(&'a KeyHasher);

impl Owner for Rehash<'_> {
    fn hash(&self, payload: u64) -> u64 {
        // SAFETY: the table passes payloads that are in it, which are live while it is borrowed.
        self.0.hash(unsafe { view(payload) }.key())
    }

    fn prepare(&self, payload: u64) {
        prefetch_lines((payload & !FLAGS) as usize, 1);
    }
}

/// Looking.
impl Dict {
    /// Bytes of a dictionary besides [`Dict::bytes`].
    pub(super) const FIXED_BYTES: usize = size_of::<Self>() + Slab::FIXED_BYTES;

    /// An empty dictionary.
    pub(super) fn new(hasher: KeyHasher) -> Self {
        let (table, slab) = (Table::new(), Slab::new());
        Self {
            hasher,
            table,
            slab,
            outside_bytes: 0,
            expiry_position: 0,
            average_ttl_ms: 0,
            by_slot: None,
        }
    }

    /// An empty dictionary with the same hash function.
    pub(super) fn emptied(&self) -> Self {
        let mut empty = Self::new(self.hasher.clone());
        empty.by_slot = self.by_slot.as_ref().map(|index| Box::new(index.emptied()));
        empty
    }

    /// Keys in it.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Keys in it that have a deadline.
    pub(super) fn volatile_len(&self) -> usize {
        self.table.marked()
    }

    /// Bytes it occupies.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.table.bytes() + self.dataset_bytes()
    }

    /// Bytes of its entries and values alone.
    pub(super) fn dataset_bytes(&self) -> usize {
        self.slab.live_bytes() + self.outside_bytes
    }

    /// The hash of a key.
    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Finds a key.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<Spot> {
        // SAFETY: the table passes payloads that are in it, and the view ends with the comparison.
        self.table
            .find(hash, |payload| unsafe { view(payload) }.key() == key)
    }

    /// Finds the key whose hash this is.
    pub(super) fn find_hash(&self, hash: u64) -> Option<Spot> {
        self.table
            .find(hash, |payload| Rehash(&self.hasher).hash(payload) == hash)
    }

    /// The entry at a spot, if one is there.
    #[inline]
    pub(super) fn entry(&self, spot: Spot) -> Option<EntryRef<'_>> {
        // SAFETY: it is in the table, and the view borrows the dictionary.
        self.table
            .payload(spot)
            .map(|payload| unsafe { view(payload) })
    }

    /// The deadline of the key at a spot; the entry is touched only if it has one.
    #[inline]
    pub(super) fn expire_ms(&self, spot: Spot) -> Option<i64> {
        let payload = self
            .table
            .payload(spot)
            .filter(|payload| payload & MARK != 0)?;
        // SAFETY: it is in the table, and the view ends here.
        unsafe { view(payload) }.expire_ms()
    }

    /// Bytes by which the table would grow for new keys of all these hashes: as much or a little more.
    pub(super) fn growth_bytes_of_all(&self, hashes: &mut [u64]) -> usize {
        self.table.growth_bytes_of_all(hashes)
    }

    /// Begins to fetch the bucket of a key; its hash.
    #[inline]
    pub(super) fn prefetch(&self, key: &[u8]) -> u64 {
        let hash = self.hash(key);
        self.table.prefetch(hash);
        hash
    }

    /// Begins to fetch the entries that are probably those of keys with these hashes: the cache lines that one of mean length
    /// lies on, as those of the hot path mostly have it.
    pub(super) fn prefetch_entries(&self, hashes: &[u64]) {
        let mean = self.slab.live_bytes() / self.table.len().max(1);
        for hash in hashes {
            self.table.find(*hash, |payload| {
                prefetch_lines((payload & !FLAGS) as usize, mean.min(FETCHED_MAX));
                true
            });
        }
    }

    /// Bytes by which the table would grow for a new key of this hash.
    #[inline]
    pub(super) fn growth_bytes(&self, hash: u64) -> usize {
        self.table.growth_bytes(hash)
    }
}

/// Changing.
impl Dict {
    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, hash: u64, key: &[u8], header: Header, content: Content<'_>) {
        let payload = self.create(key, header, content);
        self.table.insert(hash, payload, &Rehash(&self.hasher));
        if let Some(index) = &mut self.by_slot {
            index.add(key, hash);
        }
    }

    /// Adds a key that is not there, with what another held.
    pub(super) fn insert_removed(&mut self, hash: u64, key: &[u8], mut removed: Removed) {
        self.insert(hash, key, removed.header, removed.content());
    }

    /// Replaces the entry at a spot by one of the same key. `header` and `content` see the old one.
    pub(super) fn replace(&mut self, spot: Spot, header: Header, content: Content<'_>) {
        let Some(old) = self.table.payload(spot) else {
            return;
        };
        // SAFETY: it is in the table; the key is copied before the entry is destroyed.
        let key = unsafe { view(old) }.key();
        let new = self.create(key, header, content);
        self.table.set_payload(spot, new);
        self.destroy(old);
    }

    /// Gives the entry at a spot a deadline or takes it away, with a block of the size that fits.
    pub(super) fn set_expire_ms(&mut self, spot: Spot, expire_ms: Option<i64>) {
        if let (Some(at), Some(mut entry)) = (expire_ms, self.entry_mut(spot))
            && entry.set_expire_ms(at)
        {
            return;
        }
        let Some(old) = self.table.payload(spot) else {
            return;
        };
        // SAFETY: it is in the table; the key is copied before anything of the entry is freed.
        let key = unsafe { view(old) }.key().to_vec();
        let mut removed = self.dissolve(old);
        let header = Header {
            expire_ms,
            ..removed.header
        };
        let new = self.create(&key, header, removed.content());
        self.table.set_payload(spot, new);
    }

    /// Removes the key at a spot.
    pub(super) fn remove(&mut self, spot: Spot) -> bool {
        self.take(spot)
            .map(|payload| self.destroy(payload))
            .is_some()
    }

    /// Removes the key at a spot and keeps its value.
    pub(super) fn detach(&mut self, spot: Spot) -> Option<Removed> {
        self.take(spot).map(|payload| self.dissolve(payload))
    }

    /// Takes the key at a spot out of the table; its entry lives on, to be freed.
    fn take(&mut self, spot: Spot) -> Option<u64> {
        let payload = self.table.remove(spot)?;
        if let Some(index) = &mut self.by_slot {
            // SAFETY: the entry was in the table until now and is freed by the caller alone.
            let key = unsafe { view(payload) }.key();
            index.remove(key, self.hasher.hash(key));
        }
        Some(payload)
    }

    /// Lets the entry at a spot change in place. Values outside entries must change through [`Dict::edit`].
    #[inline]
    pub(super) fn entry_mut(&mut self, spot: Spot) -> Option<EntryMut<'_>> {
        // SAFETY: it is in the table, and the view borrows the dictionary alone.
        self.table
            .payload(spot)
            .and_then(block_of)
            .map(|block| unsafe { EntryMut::new(block) })
    }

    /// Lets the entry at a spot change in place, values outside included.
    pub(super) fn edit<R>(
        &mut self,
        spot: Spot,
        change: impl FnOnce(&mut EntryMut<'_>) -> R,
    ) -> Option<R> {
        let mut entry = self.entry_mut(spot)?;
        let before = entry.outside_bytes();
        let result = change(&mut entry);
        let after = entry.outside_bytes();
        self.outside_bytes = self.outside_bytes - before + after;
        Some(result)
    }

    fn create(&mut self, key: &[u8], header: Header, content: Content<'_>) -> u64 {
        let block = entry::create(&mut self.slab, key, header, content);
        // SAFETY: it was just made.
        let entry = unsafe { EntryRef::new(block) };
        self.outside_bytes += entry.outside_bytes();
        let mark = if header.expire_ms.is_some() { MARK } else { 0 };
        let outside = if entry.reaches_outside() { OUTSIDE } else { 0 };
        block.as_ptr().expose_provenance() as u64 | mark | outside
    }

    /// Frees an entry that the table no longer holds.
    fn destroy(&mut self, payload: u64) {
        drop(self.free(payload));
    }

    /// Frees an entry that the table no longer holds, but for its value.
    fn dissolve(&mut self, payload: u64) -> Removed {
        // SAFETY: it is live until freed below; what is used after that is copied.
        let entry = unsafe { view(payload) };
        let header = Header {
            access: entry.access(),
            expire_ms: entry.expire_ms(),
            edited: entry.edited(),
        };
        let copied = match entry.held() {
            Held::String(bytes) if bytes.len() <= entry::INLINE_LEN_MAX => bytes.to_vec(),
            _ => Vec::new(),
        };
        let value = self.free(payload).map_or(Kept::Copied(copied), Kept::Owned);
        Removed { header, value }
    }

    fn free(&mut self, payload: u64) -> Option<Content<'static>> {
        let block = block_of(payload)?;
        // SAFETY: the payload was just taken out of the table, so the entry was live and is nobody else's; views of it end
        // before it is freed.
        unsafe {
            self.outside_bytes -= EntryRef::new(block).outside_bytes();
            entry::dissolve(&mut self.slab, block)
        }
    }
}

impl Drop for Dict {
    /// Frees what the slab would not free by going: entries are passed over unless they reach outside it.
    fn drop(&mut self) {
        let slab = &mut self.slab;
        self.table.for_each(|payload| {
            if payload & OUTSIDE != 0 {
                // SAFETY: it is in the table, whose contents nobody looks at any more.
                block_of(payload)
                    .into_iter()
                    .for_each(|block| unsafe { entry::destroy(slab, block) });
            }
        });
    }
}

/// Going over many keys.
impl Dict {
    /// Calls `visit` with every entry.
    pub(super) fn for_each<'a>(&'a self, mut visit: impl FnMut(EntryRef<'a>)) {
        // SAFETY: it is in the table, and the view borrows the dictionary.
        self.table
            .for_each(|payload| visit(unsafe { view(payload) }));
    }

    /// One step in hash order; see [`Table::scan`].
    pub(super) fn scan<'a>(&'a self, position: u64, mut visit: impl FnMut(EntryRef<'a>)) -> u64 {
        // SAFETY: it is in the table, and the view borrows the dictionary.
        self.table
            .scan(position, |payload| visit(unsafe { view(payload) }))
    }

    /// One step in hash order over the keys with a deadline; see [`Table::scan_marked`].
    pub(super) fn scan_volatile<'a>(
        &'a self,
        position: u64,
        mut visit: impl FnMut(EntryRef<'a>),
    ) -> u64 {
        // SAFETY: it is in the table, and the view borrows the dictionary.
        self.table
            .scan_marked(position, |payload| visit(unsafe { view(payload) }))
    }

    /// Some entries that lie together behind a random place; see [`Table::sample`].
    pub(super) fn sample(
        &self,
        count: usize,
        volatile_only: bool,
        random: &mut Random,
    ) -> impl Iterator<Item = EntryRef<'_>> {
        let payloads = self.table.sample(count, volatile_only, random);
        // SAFETY: they are in the table, and the views borrow the dictionary.
        payloads.into_iter().map(|payload| unsafe { view(payload) })
    }

    /// An entry drawn at random.
    pub(super) fn random(&self, volatile_only: bool, random: &mut Random) -> Option<EntryRef<'_>> {
        // SAFETY: it is in the table, and the view borrows the dictionary.
        self.table
            .random(volatile_only, random)
            .map(|payload| unsafe { view(payload) })
    }
}
