//! Several recordings as one whose cells lie side by side, so that whatever draws a recording overlays them.

use super::identity::matching_cells;
use crate::recording::model::Recording;

/// The cells that all of `recordings` have, those that belong together after one another, each labelled with the name of its
/// recording. Nothing for none.
#[must_use]
pub fn merge(recordings: &[(&str, &Recording)]) -> Option<Recording> {
    let ((_, first), others) = recordings.split_first()?;
    let many = first.cells.len() > 1;
    let label = |name: &str, cell: &str| {
        if many {
            format!("{cell}, {name}")
        } else {
            name.to_owned()
        }
    };
    let mut merged = (*first).clone();
    merged.cells = Vec::new();
    for (index, cell) in first.cells.iter().enumerate() {
        let mut alike = vec![(recordings.first()?.0, cell)];
        for (name, other) in others {
            let pairs = matching_cells(first, other);
            let partner = pairs.iter().find(|(one, _)| *one == index);
            alike.extend(partner.and_then(|(_, place)| Some((*name, other.cells.get(*place)?))));
        }
        if alike.len() == recordings.len() {
            merged.cells.extend(alike.into_iter().map(|(name, cell)| {
                let mut cell = cell.clone();
                cell.label = label(name, &cell.label);
                cell
            }));
        }
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::fixture::{lru_flood, zipf_read};

    #[test]
    fn cells_of_one_label_lie_side_by_side() {
        let (a, mut b) = (lru_flood(), lru_flood());
        b.cells.remove(0);
        let merged = merge(&[("A", &a), ("B", &b)]).unwrap();
        let labels: Vec<&str> = merged
            .cells
            .iter()
            .map(|cell| cell.label.as_str())
            .collect();
        assert_eq!(labels.len(), 10, "the cell that B lacks is left out");
        assert_eq!(
            labels[..2],
            ["allkeys-lru-exact, A", "allkeys-lru-exact, B"]
        );
    }

    #[test]
    fn a_single_cell_needs_no_label_but_the_recording() {
        let merged = merge(&[("A", &zipf_read()), ("B", &zipf_read())]).unwrap();
        let labels: Vec<&str> = merged
            .cells
            .iter()
            .map(|cell| cell.label.as_str())
            .collect();
        assert_eq!(labels, ["A", "B"]);
        assert!(merge(&[]).is_none());
    }
}
