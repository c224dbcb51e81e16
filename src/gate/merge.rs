//! A cell of several recordings as one recording whose cells lie side by side, so that whatever draws a recording overlays
//! them.

use super::identity::matching_cells;
use crate::recording::model::Recording;

/// Cell `cell` of the first of `recordings` beside what belongs to it in the others, each labelled with the name of its
/// recording; one that has no such cell is left out. Nothing for no recording or no such cell.
#[must_use]
pub fn merge(recordings: &[(&str, &Recording)], cell: usize) -> Option<Recording> {
    let (_, first) = recordings.first()?;
    let mut merged = (*first).clone();
    merged.cells.clear();
    for (name, recording) in recordings {
        let pairs = matching_cells(first, recording);
        let partner = pairs.iter().find(|(mine, _)| *mine == cell);
        if let Some(partner) = partner.and_then(|(_, theirs)| recording.cells.get(*theirs)) {
            let mut partner = partner.clone();
            (*name).clone_into(&mut partner.label);
            merged.cells.push(partner);
        }
    }
    (!merged.cells.is_empty()).then_some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture::lru_flood;

    #[test]
    fn cells_of_one_label_lie_side_by_side() {
        let (a, mut b) = (lru_flood(), lru_flood());
        b.cells.remove(0);
        let labels = |cell| {
            let merged = merge(&[("A", &a), ("B", &b)], cell)?;
            let cells = merged.cells.into_iter();
            Some(
                cells
                    .map(|cell| (cell.label, cell.directives))
                    .collect::<Vec<_>>(),
            )
        };
        let both = labels(1).unwrap();
        assert_eq!((both[0].0.as_str(), both[1].0.as_str()), ("A", "B"));
        assert_eq!(both[0].1, both[1].1);
        assert_eq!(labels(0).unwrap().len(), 1, "B has no such cell");
        assert!(labels(9).is_none() && merge(&[], 0).is_none());
    }
}
