//! Axes: the range they cover and the ticks on them.

use super::measure;
use super::theme;

/// An axis. Values on it are what is drawn; a logarithmic axis takes logarithms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    /// Place and label, in rising order.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// A linear axis with round ticks, as many as have room when each needs `pixels_per_tick`.
    pub(super) fn linear(
        from: f64,
        to: f64,
        room: f64,
        pixels_per_tick: f64,
        label: impl Fn(f64) -> String,
    ) -> Self {
        let to = if to > from && (to - from).is_finite() {
            to
        } else {
            from + 1.0
        };
        let most = (room / pixels_per_tick).floor().clamp(1.0, 12.0);
        let ticks = round_ticks(from, to, most)
            .into_iter()
            .map(|at| (at, label(at)))
            .collect();
        Self { from, to, ticks }
    }

    /// A linear axis whose labels stand beside each other in `room` pixels without touching.
    pub(super) fn across(from: f64, to: f64, room: f64, label: impl Fn(f64) -> String) -> Self {
        let mut pixels_per_tick = 30.0;
        let mut axis = Self::linear(from, to, room, pixels_per_tick, &label);
        while axis.ticks.len() > 2 && !axis.has_room(room) && pixels_per_tick < 2.0 * room {
            pixels_per_tick *= 1.25;
            axis = Self::linear(from, to, room, pixels_per_tick, &label);
        }
        axis
    }

    /// A linear axis from 0 up to a round value that holds `largest`. Values are round as multiples of `unit`, which
    /// is 1 or, for bytes, the binary unit that they are spoken of in.
    pub(super) fn upwards(
        largest: f64,
        unit: f64,
        room: f64,
        label: impl Fn(f64) -> String,
    ) -> Self {
        const PIXELS_PER_TICK: f64 = 28.0;
        let largest = if largest > 0.0 && largest.is_finite() {
            largest / unit
        } else {
            1.0
        };
        let step = round_step(largest, (room / PIXELS_PER_TICK).floor().clamp(1.0, 12.0));
        let top = (largest / step - 1e-9).ceil() * step;
        let mut axis = Self::linear(0.0, top, room, PIXELS_PER_TICK, |tick| label(tick * unit));
        axis.to *= unit;
        axis.ticks.iter_mut().for_each(|(at, _)| *at *= unit);
        axis
    }

    /// An axis of shares from nothing to all.
    pub(super) fn shares(room: f64) -> Self {
        Self::linear(0.0, 1.0, room, 26.0, |share| {
            format!("{:.0}%", share * 100.0)
        })
    }

    fn has_room(&self, room: f64) -> bool {
        let position = |at: f64| (at - self.from) / (self.to - self.from) * room;
        let half = |label: &str| measure::width(label, theme::SMALL) / 2.0;
        self.ticks
            .iter()
            .zip(self.ticks.iter().skip(1))
            .all(|(left, right)| {
                position(left.0) + half(&left.1) + 8.0 <= position(right.0) - half(&right.1)
            })
    }
}

/// Multiples of a round step from `from` to `to`, about `most` of them.
pub(super) fn round_ticks(from: f64, to: f64, most: f64) -> Vec<f64> {
    let step = round_step(to - from, most);
    let (first, last) = ((from / step - 1e-9).ceil(), (to / step + 1e-9).floor());
    let count = (last - first).clamp(0.0, 100.0) as u32;
    // Adding a step again and again would add up its rounding.
    (0..=count).map(|i| (first + f64::from(i)) * step).collect()
}

/// The smallest of 1, 2 and 5 times a power of ten of which `most` cover `range` (Heckbert, "Nice numbers for graph
/// labels", Graphics Gems, 1990).
fn round_step(range: f64, most: f64) -> f64 {
    let rough = range / most.max(1.0);
    if !(rough > 0.0 && rough.is_finite()) {
        return 1.0;
    }
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * (1.0 - 1e-9))
        .unwrap_or(rough)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            round_ticks(0.0, 10_000.0, 5.0),
            [0.0, 2000.0, 4000.0, 6000.0, 8000.0, 10_000.0]
        );
        assert_eq!(round_ticks(0.0, 1.0, 2.0), [0.0, 0.5, 1.0]);
        assert_eq!(
            round_ticks(0.13, 0.29, 4.0),
            [0.15, 0.2, 0.25].map(|tick: f64| (tick / 0.05).round() * 0.05)
        );
    }

    #[test]
    fn labels_that_are_wide_are_fewer() {
        let narrow = Axis::across(0.0, 100.0, 200.0, |tick| format!("{tick}"));
        let wide = Axis::across(0.0, 100.0, 200.0, |tick| format!("{tick} thousand"));
        assert!(wide.ticks.len() < narrow.ticks.len());
        assert!(wide.has_room(200.0) && narrow.has_room(200.0));
    }

    proptest! {
        #[test]
        fn any_range_gives_a_few_finite_ticks(from in -1e300_f64..1e300, range in prop::num::f64::ANY, room in 0.0_f64..1000.0) {
            let axis = Axis::across(from, from + range, room, |tick| format!("{tick:.3e}"));
            prop_assert!(axis.ticks.len() <= 101);
            prop_assert!(axis.ticks.iter().all(|(at, _)| at.is_finite()));
        }
    }
}
