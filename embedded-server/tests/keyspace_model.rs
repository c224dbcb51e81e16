//! The keyspace beside a plain map: same keys, same values, and a ledger that is the sum of its parts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

use std::collections::BTreeMap;

use embedded_server::{
    eviction::PolicyName,
    keyspace::{self, Access, CutId, Db, EventKind, Expiry, Keyspace, Settings},
    rdb::{
        self,
        file::{Record, Writer},
        reader::Reader,
    },
    types::{Limits, List, Value, list::End},
};
use proptest::prelude::*;

/// What a key should hold: value and deadline.
type Model = Vec<BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>>;

#[derive(Clone, Debug)]
enum Step {
    Set(usize, u16, usize, Expiry),
    Edit(usize, u16, usize),
    Remove(usize, u16),
    Rename(usize, u16, u16),
    Copy(usize, u16, usize, u16),
    Move(u16, usize, usize),
    Expire(usize, u16, Option<i64>),
    Swap(usize, usize),
    Flush(usize),
    FlushAll,
    Pass(i64),
    Cron,
    Read(usize, u16),
}

const DBS: usize = 3;

fn key(number: u16) -> Vec<u8> {
    // Some long, so that headers and blocks of every kind occur.
    let padding = [0, 3, 130, 5000][usize::from(number % 4)];
    format!(
        "key-{number}{}",
        "x".repeat(if number % 16 < 4 { padding } else { 0 })
    )
    .into_bytes()
}

fn value(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + len) as u8).collect()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (db, number) = (0..DBS, 0_u16..60);
    let len = prop_oneof![6 => 0_usize..60, 2 => 60_usize..5000, 1 => 5000_usize..50_000];
    let expiry = prop_oneof![
        Just(Expiry::Keep),
        Just(Expiry::Never),
        (0_i64..2000).prop_map(Expiry::At)
    ];
    let step = prop_oneof![
        8 => (db.clone(), number.clone(), len.clone(), expiry).prop_map(|(d, k, l, e)| Step::Set(d, k, l, e)),
        6 => (db.clone(), number.clone(), len).prop_map(|(d, k, l)| Step::Edit(d, k, l)),
        3 => (db.clone(), number.clone()).prop_map(|(d, k)| Step::Remove(d, k)),
        3 => (db.clone(), number.clone(), number.clone()).prop_map(|(d, a, b)| Step::Rename(d, a, b)),
        3 => (db.clone(), number.clone(), db.clone(), number.clone()).prop_map(|(d, a, e, b)| Step::Copy(d, a, e, b)),
        2 => (number.clone(), db.clone(), db.clone()).prop_map(|(k, d, e)| Step::Move(k, d, e)),
        3 => (db.clone(), number.clone(), proptest::option::of(0_i64..2000)).prop_map(|(d, k, at)| Step::Expire(d, k, at)),
        1 => (db.clone(), db.clone()).prop_map(|(d, e)| Step::Swap(d, e)),
        1 => db.clone().prop_map(Step::Flush),
        1 => Just(Step::FlushAll),
        2 => (1_i64..200).prop_map(Step::Pass),
        2 => Just(Step::Cron),
        4 => (db, number).prop_map(|(d, k)| Step::Read(d, k)),
    ];
    proptest::collection::vec(step, 1..150)
}

/// A keyspace beside its model.
struct Pair {
    keys: Keyspace,
    model: Model,
    now_ms: i64,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        Self {
            keys: Keyspace::new(DBS as u16, 5, settings),
            model: vec![BTreeMap::new(); DBS],
            now_ms: 0,
        }
    }

    fn db(&self, index: usize) -> Db {
        self.keys.db(index).unwrap()
    }

    fn bury(&mut self) {
        let now_ms = self.now_ms;
        self.model
            .iter_mut()
            .for_each(|db| db.retain(|_, (_, at)| at.is_none_or(|at| at >= now_ms)));
    }

    fn apply(&mut self, step: &Step) {
        let db = |index: usize| self.keys.db(index).unwrap();
        match *step {
            Step::Set(d, k, len, expiry) => {
                self.keys
                    .set_string(db(d), &key(k), &value(len), expiry)
                    .unwrap();
                let old = self.model[d].get(&key(k)).and_then(|old| old.1);
                let at = match expiry {
                    Expiry::Keep => old,
                    Expiry::Never => None,
                    Expiry::At(at) => Some(at),
                };
                self.model[d].insert(key(k), (value(len), at));
            }
            Step::Edit(d, k, len) => {
                let edit =
                    |bytes: &mut [u8]| bytes.iter_mut().take(3).for_each(|byte| *byte ^= 0x55);
                self.keys.edit_string(db(d), &key(k), len, edit).unwrap();
                let held = &mut self.model[d].entry(key(k)).or_default().0;
                held.resize(len, 0);
                edit(held);
            }
            Step::Remove(d, k) => assert_eq!(
                self.keys.remove(db(d), &key(k)),
                self.model[d].remove(&key(k)).is_some()
            ),
            Step::Rename(d, a, b) => {
                let there = self.model[d]
                    .remove(&key(a))
                    .map(|held| self.model[d].insert(key(b), held))
                    .is_some();
                assert_eq!(self.keys.rename(db(d), &key(a), &key(b)), Ok(there));
            }
            Step::Copy(d, a, e, b) => {
                let held = self.model[d].get(&key(a)).cloned();
                assert_eq!(
                    self.keys.copy(db(d), &key(a), db(e), &key(b)),
                    Ok(held.is_some())
                );
                held.into_iter()
                    .for_each(|held| _ = self.model[e].insert(key(b), held));
            }
            Step::Move(k, d, e) => {
                let goes =
                    self.model[d].contains_key(&key(k)) && !self.model[e].contains_key(&key(k));
                assert_eq!(self.keys.move_key(&key(k), db(d), db(e)), Ok(goes));
                if goes {
                    let held = self.model[d].remove(&key(k)).unwrap();
                    self.model[e].insert(key(k), held);
                }
            }
            Step::Expire(d, k, at) => {
                let held = self.model[d].get_mut(&key(k));
                assert_eq!(self.keys.set_expiry(db(d), &key(k), at), Ok(held.is_some()));
                held.into_iter().for_each(|held| held.1 = at);
            }
            Step::Swap(d, e) => {
                self.keys.swap(db(d), db(e));
                self.model.swap(d, e);
            }
            Step::Flush(d) => {
                self.keys.flush(db(d));
                self.model[d].clear();
            }
            Step::FlushAll => {
                self.keys.flush_all();
                self.model.iter_mut().for_each(BTreeMap::clear);
            }
            Step::Pass(ms) => {
                self.now_ms += ms;
                self.keys.set_now_ms(self.now_ms);
            }
            Step::Cron => _ = self.keys.cron(1000),
            Step::Read(d, k) => {
                let found = self
                    .keys
                    .lookup(db(d), &key(k), Access::Read)
                    .map(|entry| entry.string().unwrap().to_vec());
                assert_eq!(
                    found.as_ref(),
                    self.model[d].get(&key(k)).map(|held| &held.0)
                );
            }
        }
        self.bury();
    }

    fn check(&mut self) {
        let mut bytes = 0;
        for index in 0..DBS {
            let mut seen = BTreeMap::new();
            self.keys.for_each(self.db(index), |entry| {
                let keyspace::Value::String(held) = entry.value() else {
                    panic!("a string")
                };
                seen.insert(entry.key().to_vec(), (held.to_vec(), entry.expire_ms()));
            });
            assert_eq!(seen, self.model[index]);
            let db = self.db(index);
            while self
                .keys
                .scan(db, 0, usize::MAX, |entry| bytes += entry.bytes() as u64)
                != 0
            {}
            assert_eq!(
                self.keys.len(db),
                seen.len(),
                "a whole scan removes the dead"
            );
            assert_eq!(
                self.keys.volatile_len(db),
                seen.values().filter(|held| held.1.is_some()).count()
            );
        }
        assert_eq!(
            self.keys.dataset_memory(),
            bytes,
            "the ledger is the sum of the entries"
        );
    }
}

/// So many keys beside those of the steps, so that the tables have parts.
fn fill(pair: &mut Pair, names: std::ops::Range<u16>) {
    for number in names {
        let name = format!("filler-{number}").into_bytes();
        let db = pair.db(0);
        pair.keys.set_string(db, &name, b"", Expiry::Never).unwrap();
        pair.model[0].insert(name, (Vec::new(), None));
    }
}

/// A snapshot, as it is taken.
struct Taken {
    cut: CutId,
    bytes: Vec<u8>,
}

impl Taken {
    fn begin(keys: &mut Keyspace) -> Self {
        let cut = keys.begin_cut(Writer::new(true, false));
        Self {
            cut,
            bytes: Vec::new(),
        }
    }

    /// Takes a little more; says whether there is any.
    fn more(&mut self, keys: &mut Keyspace) -> bool {
        let more = keys.advance_cut(self.cut, 1);
        let writer = keys.cut_writer(self.cut).unwrap();
        let bytes = if more { writer.take() } else { writer.finish() };
        self.bytes.extend(bytes);
        more
    }

    /// What was alive at the time `now_ms`.
    fn read(&self, now_ms: i64) -> Model {
        let mut model = vec![BTreeMap::new(); DBS];
        let mut db = 0;
        for record in Reader::whole(self.bytes.clone(), Limits::default()) {
            match record.unwrap() {
                Record::Select(number) => db = number as usize,
                Record::Entry(entry) if entry.expire_ms.is_none_or(|at| at >= now_ms) => {
                    let rdb::Value::String(value) = entry.value else {
                        panic!("a string")
                    };
                    let old = model[db].insert(entry.key, (value, entry.expire_ms));
                    assert!(old.is_none(), "a key came twice");
                }
                _ => {}
            }
        }
        model
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn a_cut_is_what_there_was_when_it_began(
        before in steps(), meanwhile in steps(), fillers in 0_u16..7000, grows in any::<bool>()
    ) {
        let mut pair = Pair::new(Settings::default());
        fill(&mut pair, 0..fillers);
        before.iter().for_each(|step| pair.apply(step));
        let (expected, began_ms) = (pair.model.clone(), pair.now_ms);
        let mut taken = Taken::begin(&mut pair.keys);
        let mut more = true;
        for (number, step) in (0..).zip(&meanwhile) {
            pair.apply(step);
            if grows {
                fill(&mut pair, 7000 + number * 50..7050 + number * 50);
            }
            more = more && taken.more(&mut pair.keys);
        }
        while more {
            more = taken.more(&mut pair.keys);
        }
        prop_assert_eq!(taken.read(began_ms), expected);
    }

    #[test]
    fn holds_what_a_map_holds(steps in steps(), exact in any::<bool>()) {
        let policy = if exact { PolicyName::AllKeysLruExact } else { PolicyName::NoEviction };
        let mut pair = Pair::new(Settings { policy, ..Settings::default() });
        let empty = pair.keys.used_memory();
        for step in &steps {
            pair.apply(step);
        }
        pair.check();
        pair.keys.flush_all();
        prop_assert_eq!(pair.keys.used_memory(), empty);
    }

    #[test]
    fn no_write_leaves_memory_above_the_limit(steps in steps(), policy in 0_usize..9, limit in 20_000_u64..300_000) {
        let settings = Settings { policy: PolicyName::ALL[policy], ..Settings::default() };
        let mut keys = Keyspace::new(DBS as u16, 9, settings.clone());
        let maxmemory = keys.used_memory() + limit;
        keys.configure(Settings { maxmemory, ..settings });
        keys.record_events(true);
        let (mut now_ms, mut evicted) = (0, 0);
        for step in &steps {
            let db = |index: usize| keys.db(index).unwrap();
            match *step {
                Step::Set(d, k, len, expiry) => _ = keys.set_string(db(d), &key(k), &value(len), expiry),
                Step::Edit(d, k, len) => _ = keys.edit_string(db(d), &key(k), len, |_| {}),
                Step::Rename(d, a, b) => _ = keys.rename(db(d), &key(a), &key(b)),
                Step::Copy(d, a, e, b) => _ = keys.copy(db(d), &key(a), db(e), &key(b)),
                Step::Move(k, d, e) => _ = keys.move_key(&key(k), db(d), db(e)),
                Step::Expire(d, k, at) => _ = keys.set_expiry(db(d), &key(k), at),
                Step::Read(d, k) => _ = keys.lookup(db(d), &key(k), Access::Read),
                Step::Swap(d, e) => keys.swap(db(d), db(e)),
                Step::Pass(ms) => {
                    now_ms += ms;
                    keys.set_now_ms(now_ms);
                }
                _ => {}
            }
            prop_assert!(keys.used_memory() <= maxmemory, "{} above {maxmemory} after {step:?}", keys.used_memory());
            evicted += std::iter::from_fn(|| keys.next_event()).filter(|event| event.kind == EventKind::Evicted).count() as u64;
            prop_assert_eq!(keys.counters().evicted, evicted);
        }
    }

    #[test]
    fn what_is_reserved_is_then_written_whole(
        before in 0_u16..2000, items in proptest::collection::vec((0_u16..3000, 0_usize..300), 1..400), limit in 0_u64..200_000, random in any::<bool>()
    ) {
        let policy = if random { PolicyName::AllKeysRandom } else { PolicyName::NoEviction };
        let mut keys = Keyspace::new(1, 3, Settings { policy, ..Settings::default() });
        for number in 0..before {
            keys.set_string(Db::ZERO, format!("{number}").as_bytes(), b"old", Expiry::Never).unwrap();
        }
        let maxmemory = keys.used_memory() + limit;
        keys.configure(Settings { maxmemory, ..keys.settings().clone() });
        let items: Vec<_> = items.into_iter().map(|(number, len)| (number.to_string().into_bytes(), value(len))).collect();
        if keys.reserve(Db::ZERO, items.iter().map(|(key, value)| (&key[..], value.len()))).is_ok() {
            for (key, value) in &items {
                prop_assert!(keys.set_string(Db::ZERO, key, value, Expiry::Never).is_ok());
            }
            prop_assert!(keys.used_memory() <= maxmemory);
        } else {
            prop_assert!(!random || keys.len(Db::ZERO) == 0, "gave up although there was something to evict");
        }
    }
}

#[test]
fn other_types_are_counted_kept_below_the_limit_and_freed() {
    let mut keys = Keyspace::new(
        1,
        3,
        Settings {
            policy: PolicyName::AllKeysLru,
            ..Settings::default()
        },
    );
    let (empty, limits) = (keys.used_memory(), Limits::default());
    let push = |keys: &mut Keyspace, key: &[u8], len: usize| {
        keys.edit_object(Db::ZERO, key, |value| {
            let Value::List(list) = value else {
                panic!("a list")
            };
            list.push(End::Right, &vec![b'e'; len], &limits);
        })
    };
    for key in [&b"a"[..], b"b", b"c"] {
        keys.set_object(Db::ZERO, key, Value::List(List::new()), Expiry::Never)
            .unwrap();
        (0..50).for_each(|_| assert_eq!(push(&mut keys, key, 100), Ok(Some(()))));
    }
    let mut sum = 0;
    keys.for_each(Db::ZERO, |entry| sum += entry.bytes() as u64);
    assert_eq!(keys.dataset_memory(), sum);
    assert_eq!(keys.copy(Db::ZERO, b"a", Db::ZERO, b"d"), Ok(true));
    assert_eq!(keys.rename(Db::ZERO, b"a", b"a longer name"), Ok(true));
    assert_eq!(keys.set_expiry(Db::ZERO, b"d", Some(10)), Ok(true));
    assert!(
        keys.lookup(Db::ZERO, b"d", Access::Read)
            .unwrap()
            .string()
            .is_err()
    );
    // Nobody made room for these, so others go.
    let maxmemory = keys.used_memory() + 100;
    keys.configure(Settings {
        maxmemory,
        ..keys.settings().clone()
    });
    assert_eq!(push(&mut keys, b"b", 5000), Ok(Some(())));
    assert!(keys.used_memory() <= maxmemory && keys.counters().evicted > 0);
    assert!(
        keys.lookup(Db::ZERO, b"b", Access::Read).is_some(),
        "the one being changed stays"
    );
    // An emptied value takes its key along.
    let emptied = keys.edit_object(Db::ZERO, b"b", |value| {
        let Value::List(list) = value else {
            panic!("a list")
        };
        while list.pop(End::Right) {}
    });
    assert_eq!(emptied, Ok(Some(())));
    assert!(keys.lookup(Db::ZERO, b"b", Access::Read).is_none());
    keys.flush_all();
    assert_eq!(keys.used_memory(), empty);
}
