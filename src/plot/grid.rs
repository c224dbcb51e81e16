//! Small multiples: panels of one size in rows and columns.

use super::canvas::Rect;
use super::theme;

/// Where the panels of a grid are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grid {
    columns: usize,
    count: usize,
    /// The upper left panel without its head.
    first: Rect,
    /// From one row to the next.
    row_height: f64,
}

impl Grid {
    /// `count` panels, at most three side by side, each `height` high under a head of `head` and over ticks, the
    /// first head at `top`.
    pub(super) fn new(count: usize, top: f64, head: f64, height: f64) -> Self {
        let columns = count.clamp(1, 3);
        let left = theme::MARGIN + theme::AXIS_ROOM;
        let room = theme::WIDTH - theme::MARGIN - left;
        let width = (room - theme::GAP * (columns - 1) as f64) / columns as f64;
        let first = Rect {
            left,
            top: top + head,
            right: left + width,
            bottom: top + head + height,
        };
        Self {
            columns,
            count,
            first,
            row_height: head + height + theme::TICK_ROOM,
        }
    }

    /// The area of a panel.
    pub(super) fn area(&self, index: usize) -> Rect {
        let right = (index % self.columns) as f64 * (self.first.width() + theme::GAP);
        let down = (index / self.columns) as f64 * self.row_height;
        let Rect {
            left,
            top,
            right: end,
            bottom,
        } = self.first;
        Rect {
            left: left + right,
            top: top + down,
            right: end + right,
            bottom: bottom + down,
        }
    }

    /// Whether the panel is in the first column.
    pub(super) fn is_leftmost(&self, index: usize) -> bool {
        index.is_multiple_of(self.columns)
    }

    /// All panels together.
    pub(super) fn whole(&self) -> Rect {
        let rows = self.count.div_ceil(self.columns).max(1);
        let down = (rows - 1) as f64 * self.row_height;
        let last = self.area(self.columns - 1);
        Rect {
            left: self.first.left,
            top: self.first.top,
            right: last.right,
            bottom: self.first.bottom + down,
        }
    }
}
