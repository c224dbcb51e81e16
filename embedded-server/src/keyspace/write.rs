//! Changing keys. Each write makes its own room first, and counts as one access to its key.

use thiserror::Error;

use super::{
    AccessData, Db, Keyspace, OutOfMemory, WrongType,
    entry::{self, Content, EntryRef, Header, Held},
    table::Spot,
};
use crate::types;

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// As it was (KEEPTTL, INCR, APPEND); none for a new key.
    Keep,
    /// None: the key stays until removed.
    Never,
    /// Unix milliseconds. May lie in the past: the key then is gone at the next look.
    At(i64),
}

impl Expiry {
    /// The new deadline of a key that had this one.
    fn after(self, old: Option<i64>) -> Option<i64> {
        match self {
            Self::Keep => old,
            Self::Never => None,
            Self::At(at) => Some(at),
        }
    }
}

/// Whether a write met its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The key was not there.
    Created,
    /// The key was there and its value was replaced.
    Replaced,
}

/// Why a string could not be edited.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EditError {
    /// The key holds another type.
    #[error(transparent)]
    WrongType(#[from] WrongType),
    /// No room for the longer value.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

/// A value with all that is to be stored with it.
struct New<'a> {
    content: Content<'a>,
    expiry: Expiry,
    edited: bool,
}

/// Whole values.
impl Keyspace {
    /// Puts a string under `key`, whatever was there.
    ///
    /// # Errors
    /// [`OutOfMemory`]; nothing was changed then, but for keys evicted in vain.
    pub fn set_string(
        &mut self,
        db: Db,
        key: &[u8],
        value: &[u8],
        expiry: Expiry,
    ) -> Result<Written, OutOfMemory> {
        self.put(
            self.number(db),
            key,
            New {
                content: Content::string(value),
                expiry,
                edited: false,
            },
        )
    }

    /// Puts a value of another type under `key`, whatever was there.
    ///
    /// # Errors
    /// As for [`Keyspace::set_string`].
    pub fn set_object(
        &mut self,
        db: Db,
        key: &[u8],
        value: types::Value,
        expiry: Expiry,
    ) -> Result<Written, OutOfMemory> {
        self.put(
            self.number(db),
            key,
            New {
                content: Content::Object(Box::new(value)),
                expiry,
                edited: false,
            },
        )
    }

    /// Puts what `change` makes of the string under `key`, or of its absence, in its place; the deadline stays. The key is
    /// looked for once.
    ///
    /// # Errors
    /// [`WrongType`], [`OutOfMemory`], or whatever `change` refuses with; nothing was changed then.
    pub fn update_string<'t, E: From<WrongType> + From<OutOfMemory>>(
        &mut self,
        db: Db,
        key: &[u8],
        change: impl FnOnce(Option<&[u8]>) -> Result<&'t [u8], E>,
    ) -> Result<Written, E> {
        let number = self.number(db);
        let (hash, spot) = self.locate(number, key);
        let old = match spot.and_then(|spot| self.dicts[number].entry(spot)) {
            Some(entry) => match entry.held() {
                Held::String(text) => Some(text),
                Held::Object(_) => return Err(WrongType.into()),
            },
            None => None,
        };
        let new = New {
            content: Content::string(change(old)?),
            expiry: Expiry::Keep,
            edited: false,
        };
        Ok(match spot {
            None => self
                .create(number, hash, key, new)
                .map(|()| Written::Created)?,
            Some(spot) => self
                .overwrite(number, (hash, spot), key, new)
                .map(|()| Written::Replaced)?,
        })
    }

    fn put(&mut self, number: usize, key: &[u8], new: New<'_>) -> Result<Written, OutOfMemory> {
        match self.locate(number, key) {
            (hash, None) => self
                .create(number, hash, key, new)
                .map(|()| Written::Created),
            (hash, Some(spot)) => self
                .overwrite(number, (hash, spot), key, new)
                .map(|()| Written::Replaced),
        }
    }

    fn create(
        &mut self,
        number: usize,
        hash: u64,
        key: &[u8],
        new: New<'_>,
    ) -> Result<(), OutOfMemory> {
        let expire_ms = new.expiry.after(None);
        let cost = new.content.bytes(key.len(), expire_ms.is_some());
        self.make_room_for(None, |keys| cost + keys.cost_of_key(number, hash))?;
        let access = self.evictor.admit(Self::handle(number, hash));
        let header = Header {
            access,
            expire_ms,
            edited: new.edited,
        };
        self.change(number, |dict| dict.insert(hash, key, header, new.content));
        Ok(())
    }

    fn overwrite(
        &mut self,
        number: usize,
        (hash, spot): (u64, Spot),
        key: &[u8],
        new: New<'_>,
    ) -> Result<(), OutOfMemory> {
        let spot = self.room_at(number, (hash, spot), key, |entry| {
            let has_deadline = new.expiry.after(entry.expire_ms()).is_some();
            new.content.bytes(key.len(), has_deadline)
        })?;
        self.touch(number, spot);
        let Some(mut entry) = self.dicts[number].entry_mut(spot) else {
            return Ok(());
        };
        let header = Header {
            access: entry.access(),
            expire_ms: new.expiry.after(entry.expire_ms()),
            edited: new.edited,
        };
        let done = matches!(new.content, Content::Inline(value) if entry.overwrite(header, value));
        if !done {
            self.change(number, |dict| dict.replace(spot, header, new.content));
        }
        Ok(())
    }

    /// Makes room for the key at a spot to become as large as `new_bytes` says of it. The key itself is not evicted, but may
    /// move: returns where it is then.
    #[inline]
    fn room_at(
        &mut self,
        number: usize,
        (hash, spot): (u64, Spot),
        key: &[u8],
        new_bytes: impl Fn(EntryRef<'_>) -> usize,
    ) -> Result<Spot, OutOfMemory> {
        let more = |entry: EntryRef<'_>| new_bytes(entry).saturating_sub(entry.bytes());
        let dict = &self.dicts[number];
        if self.has_room(|| dict.entry(spot).map_or(0, more)) {
            return Ok(spot);
        }
        let find = |keys: &Self| keys.dicts[number].find(hash, key);
        self.make_room_for(Some(Self::handle(number, hash)), |keys| {
            let entry = find(keys).and_then(|spot| keys.dicts[number].entry(spot));
            entry.map_or(0, more)
        })?;
        Ok(find(self).unwrap_or(spot))
    }
}

/// Values in place.
impl Keyspace {
    /// Makes the string under `key` `len` bytes long, new bytes zero, and lets `edit` change it in place. A missing key
    /// begins as the empty string. The deadline stays; OBJECT ENCODING answers `raw` from now on. Repeated APPENDs cost
    /// amortised constant time per byte.
    ///
    /// # Errors
    /// [`EditError`]; nothing was changed then and `edit` was not called.
    pub fn edit_string(
        &mut self,
        db: Db,
        key: &[u8],
        len: usize,
        edit: impl FnOnce(&mut [u8]),
    ) -> Result<Written, EditError> {
        let number = self.number(db);
        let (hash, Some(spot)) = self.locate(number, key) else {
            self.create_edited(number, key, len, edit)?;
            return Ok(Written::Created);
        };
        if self.dicts[number]
            .entry(spot)
            .is_some_and(EntryRef::is_object)
        {
            return Err(WrongType.into());
        }
        let spot = self.room_at(number, (hash, spot), key, |entry| entry.bytes_resized(len))?;
        self.touch(number, spot);
        self.edit_at(number, spot, len, edit);
        Ok(Written::Replaced)
    }

    /// Adds a string that never was written whole.
    fn create_edited(
        &mut self,
        number: usize,
        key: &[u8],
        len: usize,
        edit: impl FnOnce(&mut [u8]),
    ) -> Result<(), OutOfMemory> {
        let hash = self.dicts[number].hash(key);
        // `edit` must not run in vain, so make room before there is a value.
        let cost = entry::string_bytes(key.len(), len, false);
        self.make_room_for(None, |keys| cost + keys.cost_of_key(number, hash))?;
        let mut value = vec![0; len];
        edit(&mut value);
        let content = Content::string(&value);
        let (expiry, edited) = (Expiry::Never, true);
        self.create(
            number,
            hash,
            key,
            New {
                content,
                expiry,
                edited,
            },
        )
    }

    /// Edits the string at a spot; there is room.
    fn edit_at(&mut self, number: usize, spot: Spot, len: usize, edit: impl FnOnce(&mut [u8])) {
        let Some(mut entry) = self.dicts[number].entry_mut(spot) else {
            return;
        };
        if let Some(value) = entry.resize_inline(len, true) {
            return edit(value);
        }
        let Some(entry) = self.dicts[number].entry(spot) else {
            return;
        };
        if entry.is_long() {
            self.change(number, |dict| {
                dict.edit(spot, |entry| entry.edit_long(len).map(edit))
            });
            return;
        }
        let Held::String(old) = entry.held() else {
            return;
        };
        let mut value = Vec::with_capacity(len);
        value.extend_from_slice(&old[..old.len().min(len)]);
        value.resize(len, 0);
        edit(&mut value);
        let header = Header {
            access: entry.access(),
            expire_ms: entry.expire_ms(),
            edited: true,
        };
        self.change(number, |dict| {
            dict.replace(spot, header, Content::string(&value))
        });
    }

    /// Lets `edit` change the value of another type under `key` in place, and returns what it returns; removes the key if
    /// no element is left (an empty stream stays). `None` if the key is missing. Make room first for what it may add:
    /// [`Keyspace::make_room`].
    ///
    /// # Errors
    /// [`WrongType`] when the key holds a string.
    pub fn edit_object<R>(
        &mut self,
        db: Db,
        key: &[u8],
        edit: impl FnOnce(&mut types::Value) -> R,
    ) -> Result<Option<R>, WrongType> {
        let number = self.number(db);
        let (hash, Some(spot)) = self.locate(number, key) else {
            return Ok(None);
        };
        self.touch(number, spot);
        let edited = self.change(number, |dict| {
            dict.edit(spot, |entry| {
                let value = entry.edit_object()?;
                let result = edit(value);
                Some((
                    result,
                    value.is_empty() && !matches!(value, types::Value::Stream(_)),
                ))
            })
        });
        let (result, emptied) = edited.flatten().ok_or(WrongType)?;
        if emptied {
            self.discard(number, spot);
        }
        // The caller could only guess what the change would take; others go where it guessed too low.
        let _ = self.make_room_for(Some(Self::handle(number, hash)), |_| 0);
        Ok(Some(result))
    }
}

/// Keys.
impl Keyspace {
    /// Removes a key; says whether it was there (alive).
    pub fn remove(&mut self, db: Db, key: &[u8]) -> bool {
        let number = self.number(db);
        let (_, spot) = self.locate(number, key);
        spot.map(|spot| self.discard(number, spot)).is_some()
    }

    /// Gives the value and deadline of `from` to `to`, replacing what was there. Says whether `from` was there. Access
    /// data travels along.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the new name is longer and there is no room.
    pub fn rename(&mut self, db: Db, from: &[u8], to: &[u8]) -> Result<bool, OutOfMemory> {
        self.transfer((db, from), (db, to))
    }

    /// Moves a key to another database under the same name (MOVE). Says whether it went: not when it was missing in
    /// `from_db` or present in `to_db`.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the other database's table must grow and there is no room.
    pub fn move_key(&mut self, key: &[u8], from_db: Db, to_db: Db) -> Result<bool, OutOfMemory> {
        let (_, there) = self.locate(self.number(to_db), key);
        if there.is_some() {
            Ok(false)
        } else {
            self.transfer((from_db, key), (to_db, key))
        }
    }

    fn transfer(
        &mut self,
        (from_db, from): (Db, &[u8]),
        (to_db, to): (Db, &[u8]),
    ) -> Result<bool, OutOfMemory> {
        let (from_dict, to_dict) = (self.number(from_db), self.number(to_db));
        let (from_hash, Some(_)) = self.locate(from_dict, from) else {
            return Ok(false);
        };
        let (to_hash, _) = self.locate(to_dict, to);
        if (from_dict, from) == (to_dict, to) {
            return Ok(true);
        }
        self.make_room_for(Some(Self::handle(from_dict, from_hash)), |keys| {
            let source = keys.dicts[from_dict]
                .find(from_hash, from)
                .and_then(|spot| keys.dicts[from_dict].entry(spot));
            let (old, new) =
                source.map_or((0, 0), |entry| (entry.bytes(), entry.bytes_under(to.len())));
            let target = keys.dicts[to_dict]
                .find(to_hash, to)
                .and_then(|spot| keys.dicts[to_dict].entry(spot));
            let growth = target.map_or_else(|| keys.dicts[to_dict].growth_bytes(to_hash), |_| 0);
            (new + growth).saturating_sub(old + target.map_or(0, |entry| entry.bytes()))
        })?;
        if let Some(spot) = self.dicts[to_dict].find(to_hash, to) {
            self.discard(to_dict, spot);
        }
        let Some(spot) = self.dicts[from_dict].find(from_hash, from) else {
            return Ok(false);
        };
        if let Some(removed) = self.change(from_dict, |dict| dict.detach(spot)) {
            self.evictor
                .rename(removed.header.access, Self::handle(to_dict, to_hash));
            self.change(to_dict, |dict| dict.insert_removed(to_hash, to, removed));
        }
        Ok(true)
    }

    /// Copies value and deadline of `from` in `from_db` to `to` in `to_db`, replacing what was there. Says whether `from`
    /// was there.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn copy(
        &mut self,
        from_db: Db,
        from: &[u8],
        to_db: Db,
        to: &[u8],
    ) -> Result<bool, OutOfMemory> {
        let (from_dict, to_dict) = (self.number(from_db), self.number(to_db));
        let (_, spot) = self.locate(from_dict, from);
        let Some(source) = spot.and_then(|spot| self.dicts[from_dict].entry(spot)) else {
            return Ok(false);
        };
        let (expiry, edited) = (
            source.expire_ms().map_or(Expiry::Never, Expiry::At),
            source.edited(),
        );
        match source.held() {
            Held::String(bytes) => {
                let value = bytes.to_vec();
                self.put(
                    to_dict,
                    to,
                    New {
                        content: Content::string(&value),
                        expiry,
                        edited,
                    },
                )?;
            }
            Held::Object(value) => {
                let content = Content::Object(Box::new(value.clone()));
                self.put(
                    to_dict,
                    to,
                    New {
                        content,
                        expiry,
                        edited,
                    },
                )?;
            }
        }
        Ok(true)
    }

    /// Sets (`Some`, Unix milliseconds) or removes (`None`) the deadline of a key. Says whether the key was there. Does not
    /// count as an access. A deadline in the past makes the key be gone at the next look, as `expired`; EXPIRE with such a
    /// time should [`Keyspace::remove`] instead.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is no room for the 8 bytes of a new deadline.
    pub fn set_expiry(
        &mut self,
        db: Db,
        key: &[u8],
        expire_ms: Option<i64>,
    ) -> Result<bool, OutOfMemory> {
        let number = self.number(db);
        let (hash, Some(spot)) = self.locate(number, key) else {
            return Ok(false);
        };
        let spot = self.room_at(number, (hash, spot), key, |entry| {
            entry.bytes_with_deadline(expire_ms.is_some())
        })?;
        if self.dicts[number].expire_ms(spot) != expire_ms {
            self.change(number, |dict| dict.set_expire_ms(spot, expire_ms));
        }
        Ok(true)
    }

    /// Gives a key the access data that RESTORE brought. Says whether the key was there.
    pub fn restore_access(&mut self, db: Db, key: &[u8], data: AccessData) -> bool {
        let number = self.number(db);
        let (hash, Some(spot)) = self.locate(number, key) else {
            return false;
        };
        let Some(mut entry) = self.dicts[number].entry_mut(spot) else {
            return false;
        };
        let (handle, word) = (Self::handle(number, hash), entry.access());
        let restored = match data {
            AccessData::IdleMs(idle_ms) => self.evictor.with_idle_ms(handle, word, idle_ms),
            AccessData::Frequency(frequency) => self.evictor.with_frequency(word, frequency),
        };
        entry.set_access(restored);
        true
    }
}
