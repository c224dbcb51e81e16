//! Positions on Earth as scores of a sorted set, and the search for those near a point.
//!
//! A position is a geohash of 52 bits: longitude and latitude, each halved 26 times, bits interleaved (Morton order), so
//! that positions in a cell of any coarser grid have neighbouring scores. A search covers its area by the cell of its
//! centre and the eight around it, on the finest grid where these suffice, and tests what it finds there exactly.
//!
//! Distances are on a sphere, by the haversine formula. Results equal redis-server's to the last bit, so the order of
//! the floating-point operations is part of the format.

use super::sorted_set::{ScoreBound, SortedSet};
use std::f64::consts::PI;
use std::ops::ControlFlow;

/// Bits of each coordinate at full precision.
const FULL_STEPS: u32 = 26;
/// Longitudes are between plus and minus this.
pub const LONGITUDE_MOST: f64 = 180.0;
/// Latitudes are between plus and minus this: the edge of the Mercator projection.
pub const LATITUDE_MOST: f64 = 85.051_128_78;
/// The radius of the sphere, in metres.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// Half the circumference of the projection, in metres.
const MERCATOR_MOST: f64 = 20_037_726.37;
/// Degrees to radians.
const RADIAN: f64 = PI / 180.0;
/// The digits of a geohash string.
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// A position, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

/// The area searched around a centre, in metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Everything no further than the radius.
    Circle {
        /// Its radius.
        radius: f64,
    },
    /// Everything no further than half the width east or west and half the height north or south.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// A member found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// The member.
    pub member: &'a [u8],
    /// Its score: its geohash.
    pub score: f64,
    /// Where it is.
    pub point: Point,
    /// From the centre, in metres.
    pub distance: f64,
}

/// A cell of the grid whose coordinates have `steps` bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    /// Counted from the south.
    row: u32,
    /// Counted from the west.
    column: u32,
    steps: u32,
}

/// Degrees from one corner to the other.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

/// The nine cells in the order they are searched: columns and rows from the centre.
const AROUND: [(i32, i32); 9] = [
    (0, 0),
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
];

impl Point {
    /// Whether it can be stored.
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MOST && self.latitude.abs() <= LATITUDE_MOST
    }

    /// The score it is stored as.
    pub fn score(self) -> f64 {
        Cell::of(self, FULL_STEPS, LATITUDE_MOST).interleave() as f64
    }

    /// The middle of the cell that a score stands for.
    pub fn from_score(score: f64) -> Point {
        let bounds = Cell::deinterleave(score as u64, FULL_STEPS).bounds();
        let middle = |low: f64, high: f64, most: f64| ((low + high) / 2.0).clamp(-most, most);
        Point {
            longitude: middle(bounds.west, bounds.east, LONGITUDE_MOST),
            latitude: middle(bounds.south, bounds.north, LATITUDE_MOST),
        }
    }

    /// The distance to another position, in metres.
    pub fn distance(self, other: Point) -> f64 {
        let half_longitude = ((other.longitude * RADIAN - self.longitude * RADIAN) / 2.0).sin();
        // The same meridian: no more trigonometry needed, and none of its rounding done.
        if half_longitude == 0.0 {
            return self.latitude_distance(other);
        }
        let (own, others) = (self.latitude * RADIAN, other.latitude * RADIAN);
        let half_latitude = ((others - own) / 2.0).sin();
        let a = half_latitude * half_latitude
            + own.cos() * others.cos() * half_longitude * half_longitude;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }

    /// How far apart two parallels are, in metres.
    fn latitude_distance(self, other: Point) -> f64 {
        EARTH_RADIUS * (other.latitude * RADIAN - self.latitude * RADIAN).abs()
    }

    /// The standard geohash of 11 digits, of which the last is always 0: 52 bits are ten digits and a bit more.
    pub fn geohash(self) -> [u8; 11] {
        // Geohashes of others halve all latitudes, not only those of the projection.
        let bits = Cell::of(self, FULL_STEPS, 90.0).interleave();
        std::array::from_fn(|i| match (2 * FULL_STEPS).checked_sub(5 * (i as u32 + 1)) {
            Some(shift) => ALPHABET[(bits >> shift & 31) as usize],
            None => ALPHABET[0],
        })
    }
}

/// Spreads 32 bits out to every second of 64.
fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Gathers every second of 64 bits into 32.
fn gather(bits: u64) -> u32 {
    let mut value = bits & 0x5555_5555_5555_5555;
    value = (value | value >> 1) & 0x3333_3333_3333_3333;
    value = (value | value >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    value = (value | value >> 4) & 0x00ff_00ff_00ff_00ff;
    value = (value | value >> 8) & 0x0000_ffff_0000_ffff;
    (value | value >> 16) as u32
}

impl Cell {
    /// The cell that a position is in, latitudes going up to plus and minus `latitude_most`.
    fn of(point: Point, steps: u32, latitude_most: f64) -> Cell {
        let cells = (1u64 << steps) as f64;
        let latitude = (point.latitude + latitude_most) / (latitude_most + latitude_most);
        let longitude = (point.longitude + LONGITUDE_MOST) / (LONGITUDE_MOST + LONGITUDE_MOST);
        Cell {
            row: (latitude * cells) as u32,
            column: (longitude * cells) as u32,
            steps,
        }
    }

    /// Its bits: row and column in turn, the column's first.
    fn interleave(self) -> u64 {
        spread(self.row) | spread(self.column) << 1
    }

    fn deinterleave(bits: u64, steps: u32) -> Cell {
        Cell {
            row: gather(bits),
            column: gather(bits >> 1),
            steps,
        }
    }

    /// The cell so many columns to the east and rows to the north, around the edges.
    fn moved(self, (columns, rows): (i32, i32)) -> Cell {
        let mask = ((1u64 << self.steps) - 1) as u32;
        let step = |from: u32, by: i32| from.wrapping_add_signed(by) & mask;
        Cell {
            row: step(self.row, rows),
            column: step(self.column, columns),
            ..self
        }
    }

    fn bounds(self) -> Bounds {
        let cells = (1u64 << self.steps) as f64;
        let latitude = |row: f64| -LATITUDE_MOST + (row / cells) * (LATITUDE_MOST + LATITUDE_MOST);
        let longitude =
            |column: f64| -LONGITUDE_MOST + (column / cells) * (LONGITUDE_MOST + LONGITUDE_MOST);
        Bounds {
            west: longitude(f64::from(self.column)),
            south: latitude(f64::from(self.row)),
            east: longitude(f64::from(self.column) + 1.0),
            north: latitude(f64::from(self.row) + 1.0),
        }
    }

    /// The scores of the positions in it: from the first up to, not with, the second.
    fn scores(self) -> (f64, f64) {
        let shift = 2 * (FULL_STEPS - self.steps);
        let bits = self.interleave();
        ((bits << shift) as f64, ((bits + 1) << shift) as f64)
    }
}

impl Shape {
    /// Half the width and half the height, in metres.
    fn half_extents(self) -> (f64, f64) {
        match self {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        }
    }

    /// The furthest from the centre, in metres.
    fn reach(self) -> f64 {
        match self {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        }
    }

    /// The distance of a position from the centre, if it is inside.
    pub fn distance_inside(self, centre: Point, point: Point) -> Option<f64> {
        match self {
            Shape::Circle { radius } => {
                Some(centre.distance(point)).filter(|distance| *distance <= radius)
            }
            Shape::Box { width, height } => {
                let east_of_centre = Point {
                    longitude: centre.longitude,
                    latitude: point.latitude,
                };
                let inside = point.latitude_distance(centre) <= height / 2.0
                    && point.distance(east_of_centre) <= width / 2.0;
                inside.then(|| centre.distance(point))
            }
        }
    }

    /// The degrees it spans. Its width in degrees is taken where it is nearer to a pole, where that is more.
    fn bounds(self, centre: Point) -> Bounds {
        let (half_width, half_height) = self.half_extents();
        let latitudes = half_height / EARTH_RADIUS / RADIAN;
        let longitudes =
            |latitude: f64| half_width / EARTH_RADIUS / (latitude * RADIAN).cos() / RADIAN;
        let poleward = if centre.latitude < 0.0 {
            centre.latitude - latitudes
        } else {
            centre.latitude + latitudes
        };
        let longitudes = longitudes(poleward);
        Bounds {
            west: centre.longitude - longitudes,
            south: centre.latitude - latitudes,
            east: centre.longitude + longitudes,
            north: centre.latitude + latitudes,
        }
    }
}

/// The bits per coordinate at which nine cells cover a reach, by a first estimate.
fn steps_for(reach: f64, latitude: f64) -> u32 {
    if reach == 0.0 {
        return FULL_STEPS;
    }
    let mut steps = 1i32;
    let mut reach = reach;
    while reach < MERCATOR_MOST {
        reach *= 2.0;
        steps += 1;
    }
    // Two coarser, for the reach to stay inside; coarser yet where meridians are close.
    steps -= 2;
    if latitude.abs() > 66.0 {
        steps -= 1;
    }
    if latitude.abs() > 80.0 {
        steps -= 1;
    }
    steps.clamp(1, FULL_STEPS as i32) as u32
}

/// Whether the cells around `cell` reach as far as `bounds` on every side.
fn covers(cell: Cell, bounds: Bounds) -> bool {
    cell.moved((0, 1)).bounds().north >= bounds.north
        && cell.moved((0, -1)).bounds().south <= bounds.south
        && cell.moved((1, 0)).bounds().east >= bounds.east
        && cell.moved((-1, 0)).bounds().west <= bounds.west
}

/// The cells to search, in order; a cell that the shape does not reach, or that was just searched, is `None`.
fn cells_to_search(centre: Point, shape: Shape) -> [Option<Cell>; 9] {
    let bounds = shape.bounds(centre);
    let mut steps = steps_for(shape.reach(), centre.latitude);
    if steps > 1 && !covers(Cell::of(centre, steps, LATITUDE_MOST), bounds) {
        steps -= 1;
    }
    let middle = Cell::of(centre, steps, LATITUDE_MOST);
    let own = middle.bounds();
    let mut last = None;
    AROUND.map(|(columns, rows)| {
        let beyond = (rows < 0 && own.south < bounds.south)
            || (rows > 0 && own.north > bounds.north)
            || (columns < 0 && own.west < bounds.west)
            || (columns > 0 && own.east > bounds.east);
        let cell = middle.moved((columns, rows));
        if (steps >= 2 && beyond) || last == Some(cell) {
            return None;
        }
        last = Some(cell);
        Some(cell)
    })
}

/// Visits the members inside `shape` around `centre`, cell by cell, until `visit` breaks.
pub fn search<'a>(
    zset: &'a SortedSet,
    centre: Point,
    shape: Shape,
    mut visit: impl FnMut(Found<'a>) -> ControlFlow<()>,
) {
    for cell in cells_to_search(centre, shape).into_iter().flatten() {
        let (low, high) = cell.scores();
        let from = ScoreBound {
            score: low,
            exclusive: false,
        };
        let below = ScoreBound {
            score: high,
            exclusive: true,
        };
        for (member, score) in zset.range(zset.ranks_by_score(from, below)) {
            let point = Point::from_score(score);
            let Some(distance) = shape.distance_inside(centre, point) else {
                continue;
            };
            if visit(Found {
                member,
                score,
                point,
                distance,
            })
            .is_break()
            {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Limits;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn point() -> impl Strategy<Value = Point> {
        (-180.0..=180.0f64, -85.05..=85.05f64).prop_map(|(longitude, latitude)| Point {
            longitude,
            latitude,
        })
    }

    fn shape() -> impl Strategy<Value = Shape> {
        prop_oneof![
            (1.0..3e6f64).prop_map(|radius| Shape::Circle { radius }),
            (1.0..3e6f64, 1.0..3e6f64).prop_map(|(width, height)| Shape::Box { width, height }),
        ]
    }

    #[test]
    fn palermo_and_catania_as_redis_has_them() {
        let palermo = Point {
            longitude: 13.361389,
            latitude: 38.115556,
        };
        let catania = Point {
            longitude: 15.087269,
            latitude: 37.502669,
        };
        assert_eq!(palermo.score(), 3479099956230698.0);
        assert_eq!(&palermo.geohash(), b"sqc8b49rny0");
        let (a, b) = (
            Point::from_score(palermo.score()),
            Point::from_score(catania.score()),
        );
        assert_eq!(
            a,
            Point {
                longitude: 13.361389338970184,
                latitude: 38.1155563954963
            }
        );
        assert_eq!(format!("{:.4}", a.distance(b)), "166274.1516");
    }

    proptest! {
        #[test]
        fn a_score_stands_for_a_cell_of_less_than_a_metre(point in point()) {
            let read = Point::from_score(point.score());
            prop_assert!(point.distance(read) < 1.0);
            prop_assert_eq!(read.score(), point.score());
        }

        #[test]
        fn a_search_finds_all_that_is_inside(centre in point(), shape in shape(), others in prop::collection::vec(point(), 0..200)) {
            // Redis's cells can miss members where the area crosses the date line or a pole; so can these.
            let bounds = shape.bounds(centre);
            prop_assume!(bounds.west > -180.0 && bounds.east < 180.0 && bounds.south > -80.0 && bounds.north < 80.0);
            let mut zset = SortedSet::new();
            let near = |other: &Point| Point {
                longitude: centre.longitude + other.longitude / 90.0,
                latitude: centre.latitude + other.latitude / 90.0,
            };
            let points: Vec<Point> = others.iter().copied().chain(others.iter().map(near).filter(|p| p.is_valid())).collect();
            for (i, point) in points.iter().enumerate() {
                zset.insert(&i.to_le_bytes(), point.score(), &Limits::default());
            }
            let mut found = BTreeSet::new();
            search(&zset, centre, shape, |hit| { found.insert(hit.member); ControlFlow::Continue(()) });
            let inside = |score| shape.distance_inside(centre, Point::from_score(score)).is_some();
            let expected: BTreeSet<_> = zset.iter().filter(|(_, score)| inside(*score)).map(|(member, _)| member).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
