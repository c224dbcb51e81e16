//! Buckets of keys in some order.

use super::Key;
use crate::recording::model::Bucket;

/// So many buckets are enough for a picture, and so few that each holds enough keys for a share.
const BUCKETS: usize = 20;
/// A bucket of fewer keys says little.
const KEYS_MIN: usize = 10;

/// `keys`, which are in the order of their ranks, in buckets of equal size; the last may be smaller.
pub(super) fn buckets(keys: &[Key]) -> Vec<Bucket> {
    let size = keys.len().div_ceil(BUCKETS).max(KEYS_MIN);
    let mut from = 0;
    let bucket = |members: &[Key]| {
        let to = from + members.len() as u64;
        let bucket = Bucket {
            from,
            to,
            written: members.iter().filter(|key| key.touch.written).count() as u64,
            present: members.iter().filter(|key| key.present).count() as u64,
        };
        from = to;
        bucket
    };
    keys.chunks(size).map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::touch::Touch;

    #[test]
    fn ten_thousand_keys_make_twenty_buckets_of_five_hundred() {
        let touch = Touch {
            last: 1,
            count: 1,
            written: true,
            ..Touch::default()
        };
        let keys: Vec<Key> = (0..10_000)
            .map(|key| Key {
                touch,
                present: key < 750,
            })
            .collect();
        let buckets = buckets(&keys);
        assert_eq!(buckets.len(), 20);
        assert_eq!(
            buckets[1],
            Bucket {
                from: 500,
                to: 1000,
                written: 500,
                present: 250
            }
        );
        assert_eq!(buckets[19].to, 10_000);
    }

    #[test]
    fn few_keys_make_few_buckets() {
        let key = Key {
            touch: Touch::default(),
            present: false,
        };
        assert_eq!(
            buckets(&[key; 25])
                .iter()
                .map(|bucket| bucket.to)
                .collect::<Vec<_>>(),
            [10, 20, 25]
        );
        assert!(buckets(&[]).is_empty());
    }
}
