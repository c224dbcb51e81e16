//! How long to wait before a lost connection is made again.

use std::time::Duration;

use crate::traffic::stream::mix;

/// Before the first attempt, at the most.
const FIRST: Duration = Duration::from_millis(10);
/// Before any attempt, at the most.
pub(super) const LONGEST: Duration = Duration::from_secs(1);

/// The wait before attempt `attempt`, from 0: at most twice as long as the one before it, and by chance, for which `seed`
/// stands, as little as half of that, so that connections that were lost together do not come back together.
pub(super) fn backoff(seed: u64, attempt: u32) -> Duration {
    let most = FIRST
        .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
        .min(LONGEST);
    let chance = mix(seed ^ u64::from(attempt)) as f64 / u64::MAX as f64;
    most.mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_differ() {
        for seed in 0..50 {
            let waits: Vec<_> = (0..40).map(|attempt| backoff(seed, attempt)).collect();
            assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2, "{:?}", waits[0]);
            assert!(
                waits[9..]
                    .iter()
                    .all(|wait| *wait <= LONGEST && *wait >= LONGEST / 2)
            );
            assert_ne!(waits[20], backoff(seed + 1, 20));
        }
    }
}
