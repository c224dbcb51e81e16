//! Times in whole seconds, spread over their seconds: else all requests of a second would be due at once, and response
//! times would show the resolution of the clock that somebody recorded with.

const NS_PER_S: u64 = 1_000_000_000;

/// Spreads each run of equal `times` (nanoseconds, not falling) evenly over its second, if all are whole seconds. The
/// first ones of a run that was cut come as early as those before the cut; nothing is earlier than `floor_ns`.
pub fn spread(times: &mut [u64], floor_ns: u64) {
    let is_whole = times.iter().all(|time| time % NS_PER_S == 0);
    let mut floor_ns = floor_ns;
    for run in times.chunk_by_mut(|one, other| one == other) {
        let length = run.len() as u64;
        for (place, time) in (0..).zip(run) {
            if is_whole {
                *time += place * NS_PER_S / length;
            }
            floor_ns = floor_ns.max(*time);
            *time = floor_ns;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_filled_evenly_and_order_is_kept() {
        let mut times = [0, 0, 0, 0, 2, 2].map(|s| s * NS_PER_S);
        spread(&mut times, 0);
        let quarters = [0, 1, 2, 3, 8, 10].map(|quarter| quarter * NS_PER_S / 4);
        assert_eq!(times, quarters);
        let mut rest = [2, 2].map(|s| s * NS_PER_S);
        spread(&mut rest, times[5]);
        assert_eq!(rest, [times[5], times[5]], "what was sent is not overtaken");
    }

    #[test]
    fn finer_times_stay() {
        let mut times = [5, 5, 9];
        spread(&mut times, 0);
        assert_eq!(times, [5, 5, 9]);
    }
}
