//! Which acknowledged writes were lost: what the keys hold, held against what was promised ([`crate::drive::ledger`]).

use crate::drive::Found;
use crate::drive::ledger::{Ledger, Promise};
use crate::recording::keys::pack_numbers;
use crate::recording::model::{Losses, ReadBackRecord};

/// The keys that are to be read: those of which something is promised.
#[must_use]
pub fn promised(ledger: &Ledger) -> Vec<u64> {
    let is_promised = |key: &u64| matches!(ledger.promise(*key), Promise::Version(_));
    (0..ledger.count()).filter(is_promised).collect()
}

/// What became of acknowledged writes, where `keys`, in rising order, hold what was `found`. A key that holds nothing has lost
/// nothing where the server `evicts`.
#[must_use]
pub fn judge(ledger: &Ledger, keys: &[u64], found: &[Found], evicts: bool) -> ReadBackRecord {
    let left_out = (0..ledger.count()).filter(|key| ledger.promise(*key) == Promise::LeftOut);
    let mut record = ReadBackRecord {
        acknowledged: ledger.acknowledged(),
        keys: keys.len() as u64,
        left_out: left_out.count() as u64,
        ..ReadBackRecord::default()
    };
    let (mut lost, mut written, mut instead) = (Vec::new(), Vec::new(), Vec::new());
    for (key, found) in keys.iter().zip(found) {
        let Promise::Version(promised) = ledger.promise(*key) else {
            continue;
        };
        let held = match *found {
            Found::Unread => {
                record.unread += 1;
                continue;
            }
            Found::Version(version) if version >= promised => {
                record.kept += 1;
                continue;
            }
            Found::Version(version) if ledger.is_doubtful(*key, version) => {
                record.undetermined += 1;
                continue;
            }
            Found::Missing if evicts => {
                record.undetermined += 1;
                continue;
            }
            Found::Version(version) => version,
            Found::Missing => 0,
            Found::Other => u32::MAX,
        };
        record.lost += 1;
        lost.push(u32::try_from(*key).unwrap_or(u32::MAX));
        written.push(promised);
        instead.push(held);
    }
    record.losses = Losses {
        keys: pack_numbers(lost),
        written: pack_numbers(written),
        found: pack_numbers(instead),
    };
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::ledger::version;
    use crate::recording::losses::{self, Instead};
    use crate::workload::plan::{KeySpace, Template};

    const MS: u64 = 1_000_000;

    fn keys_of(count: u64) -> KeySpace {
        KeySpace {
            name: Template {
                before: "key-".to_owned(),
                width: 0,
                after: String::new(),
            },
            count,
            spaces: Vec::new(),
        }
    }

    #[test]
    fn each_key_is_judged_by_what_it_holds() {
        let mut ledger = Ledger::new(8);
        for key in 0..7 {
            ledger.keep(key, 5 * MS, 6 * MS);
            ledger.keep(key, 10 * MS, 11 * MS);
        }
        ledger.doubt(3, 7 * MS);
        ledger.leave_out(6);
        let keys = promised(&ledger);
        assert_eq!(keys, [0, 1, 2, 3, 4, 5]);
        let found = [
            Found::Version(version(10 * MS)),
            Found::Version(version(5 * MS)),
            Found::Missing,
            Found::Version(version(7 * MS)),
            Found::Unread,
            Found::Other,
        ];
        let record = judge(&ledger, &keys, &found, false);
        let counts = [
            record.keys,
            record.kept,
            record.lost,
            record.undetermined,
            record.unread,
            record.left_out,
        ];
        assert_eq!(counts, [6, 1, 3, 1, 1, 1]);
        assert_eq!(record.acknowledged, 14);
        let listed: Vec<_> = losses::list(&record, &keys_of(8), 9).unwrap();
        let instead: Vec<_> = listed.iter().map(|one| (one.key, one.instead)).collect();
        assert_eq!(
            instead,
            [
                (1, Instead::Older(0.005)),
                (2, Instead::Nothing),
                (5, Instead::Unknown)
            ]
        );
        assert!(
            listed
                .iter()
                .all(|one| (one.written_s - 0.010).abs() < 1e-9)
        );
        let evicting = judge(&ledger, &keys, &found, true);
        assert_eq!((evicting.lost, evicting.undetermined), (2, 2));
    }
}
