//! What every picture keeps to, checked on the SVG itself: it is well-formed, says every name, is the same each time,
//! and no two texts overlap or leave the picture.

use super::{Plot, all, measure, theme};
use crate::recording::fixture;
use crate::recording::model::{Bucket, Recording};

/// An element as written: its name, its attributes, the text in it.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl Element {
    fn number(&self, attribute: &str) -> f64 {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found
            .unwrap_or_else(|| panic!("no {attribute} in {self:?}"))
            .1
            .parse()
            .unwrap()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads XML strictly enough to catch what a browser refuses: unbalanced tags, bare `<` and `&`, unquoted attributes.
fn elements(svg: &str) -> Vec<Element> {
    let (mut open, mut done, mut rest) = (Vec::<Element>::new(), Vec::new(), svg);
    while let Some((text, after)) = rest.split_once('<') {
        if let Some(element) = open.last_mut() {
            element.text.push_str(&unescape(text));
        }
        let (tag, after) = after.split_once('>').expect("a tag that ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().expect("an element to close");
            assert_eq!(element.name, name);
            done.push(element);
        } else if let Some(tag) = tag.strip_suffix('/') {
            done.push(element(tag));
        } else {
            open.push(element(tag));
        }
    }
    assert!(
        open.is_empty() && rest.trim().is_empty(),
        "everything is closed"
    );
    done
}

fn element(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    while let Some((name, after)) = rest.trim_start().split_once("=\"") {
        let (value, after) = after.split_once('"').expect("an attribute that ends");
        attributes.push((name.to_owned(), unescape(value)));
        rest = after;
    }
    assert_eq!(rest.trim(), "", "attributes are name=\"value\"");
    Element {
        name: name.to_owned(),
        attributes,
        text: String::new(),
    }
}

fn unescape(text: &str) -> String {
    let mut plain = text.to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "\u{1}"),
    ] {
        plain = plain.replace(entity, character);
    }
    assert!(!plain.contains('&'), "a bare & in {text}");
    plain.replace('\u{1}', "&")
}

/// Left, top, right, bottom of a text, in pixels.
fn bounds(text: &Element) -> (f64, f64, f64, f64) {
    let size = text.number("font-size") / 10.0;
    let (x, y) = (text.number("x") / 10.0, text.number("y") / 10.0);
    let width = measure::width(text.text.trim(), size);
    let before = match text.attribute("text-anchor") {
        Some("middle") => width / 2.0,
        Some("end") => width,
        _ => 0.0,
    };
    // Letters stand 0.4 of their size above and below their middle; descenders touch only air.
    let half = 0.4 * size;
    match text.attribute("transform") {
        Some(_) => (x - half, y - (width - before), x + half, y + before),
        None => (x - before, y - half, x - before + width, y + half),
    }
}

fn pictures() -> Vec<(&'static str, Recording)> {
    let mut many = fixture::lru_flood();
    let cells: Vec<_> = many.cells.iter().cycle().take(11).cloned().collect();
    many.cells = cells;
    let mut one = fixture::lru_flood();
    one.cells.truncate(1);
    let mut clusters = fixture::failover();
    let cells: Vec<_> = clusters.cells.iter().cycle().take(4).cloned().collect();
    clusters.cells = cells;
    vec![
        ("failover", fixture::failover()),
        ("clusters", clusters),
        ("lru_flood", fixture::lru_flood()),
        ("zipf_read", fixture::zipf_read()),
        ("ramp", fixture::ramp()),
        ("hostile", fixture::hostile()),
        ("many cells", many),
        ("one cell", one),
    ]
}

fn each(check: impl Fn(&str, &Plot, Vec<Element>)) {
    for (name, recording) in pictures() {
        for plot in all(&recording).unwrap() {
            check(
                &format!("{name}: {}", plot.name),
                &plot,
                elements(&plot.svg),
            );
        }
    }
}

#[test]
fn every_plot_is_there() {
    let names = |recording: &Recording| {
        all(recording)
            .unwrap()
            .iter()
            .map(|plot| plot.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&fixture::lru_flood()),
        [
            "survival_by_insertion",
            "survival_by_last_access",
            "survival_by_popularity",
            "differences",
            "latency_by_percentile",
            "latency_over_time",
            "timeline",
            "memory"
        ]
    );
    assert_eq!(
        names(&fixture::zipf_read()),
        [
            "latency_by_percentile",
            "latency_over_time",
            "timeline",
            "memory"
        ]
    );
    assert_eq!(
        names(&fixture::failover()),
        [
            "latency_by_percentile",
            "latency_over_time",
            "timeline",
            "errors",
            "node_load",
            "slot_heat",
            "memory"
        ]
    );
    assert_eq!(
        names(&fixture::ramp()),
        [
            "knee",
            "latency_by_percentile",
            "latency_over_time",
            "timeline",
            "memory"
        ]
    );
    assert_eq!(names(&fixture::nothing()), [""; 0]);
}

/// A picture of every slot would be 1.4 MB.
#[test]
fn pictures_stay_small() {
    each(|name, plot, _| {
        if plot.name == "slot_heat" {
            assert!(plot.svg.len() < 100_000, "{name}: {} bytes", plot.svg.len());
        }
    });
}

#[test]
fn texts_do_not_overlap_or_leave_the_picture() {
    each(|name, _, elements| {
        let height = elements
            .iter()
            .find(|one| one.name == "svg")
            .unwrap()
            .number("height");
        let texts: Vec<&Element> = elements.iter().filter(|one| one.name == "text").collect();
        assert!(texts.len() > 8, "{name} has hardly a word");
        for (place, text) in texts.iter().enumerate() {
            let (left, top, right, bottom) = bounds(text);
            let inside = left >= 0.0 && top >= 0.0 && right <= theme::WIDTH && bottom <= height;
            assert!(
                inside,
                "{name}: {:?} leaves the picture: {:?}",
                text.text,
                bounds(text)
            );
            for other in &texts[place + 1..] {
                let (other_left, other_top, other_right, other_bottom) = bounds(other);
                let apart = right <= other_left
                    || other_right <= left
                    || bottom <= other_top
                    || other_bottom <= top;
                assert!(
                    apart,
                    "{name}: {:?} and {:?} overlap",
                    text.text, other.text
                );
            }
        }
    });
}

#[test]
fn every_coordinate_is_a_number_within_the_picture() {
    each(|name, plot, elements| {
        assert!(
            !plot.svg.contains("NaN") && !plot.svg.contains("inf"),
            "{name}"
        );
        let height = elements
            .iter()
            .find(|one| one.name == "svg")
            .unwrap()
            .number("height")
            * 10.0;
        for points in elements.iter().filter_map(|one| one.attribute("points")) {
            for point in points.split_whitespace() {
                let (x, y) = point.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!(
                    (0.0..=theme::WIDTH * 10.0).contains(&x) && (0.0..=height).contains(&y),
                    "{name}: {point}"
                );
            }
        }
    });
}

#[test]
fn every_name_is_said() {
    let recording = fixture::lru_flood();
    for plot in all(&recording).unwrap() {
        let words: Vec<String> = elements(&plot.svg)
            .into_iter()
            .filter(|one| one.name == "text")
            .map(|one| one.text.trim().to_owned())
            .collect();
        for cell in &recording.cells {
            assert!(
                words.contains(&cell.label),
                "{} does not name {}",
                plot.name,
                cell.label
            );
        }
        assert!(
            words.iter().any(|word| word.contains("lru_flood")),
            "{} does not name the workload",
            plot.name
        );
    }
    let insertion = super::insertion::draw(&recording).unwrap().unwrap();
    for words in [
        "read 67%",
        "unread 0%",
        "flooded 100%",
        "not written",
        "evicted",
    ] {
        assert!(insertion.contains(words), "no {words:?}");
    }
}

#[test]
fn the_same_recording_gives_the_same_pictures() {
    for (name, recording) in pictures() {
        let again: Recording =
            serde_json::from_str(&serde_json::to_string(&recording).unwrap()).unwrap();
        assert_eq!(all(&recording).unwrap(), all(&again).unwrap(), "{name}");
    }
}

/// The picture changes with the figures: a plot that drew nothing of them would pass everything above.
#[test]
fn other_figures_give_another_picture() {
    let recording = fixture::lru_flood();
    let mut other = recording.clone();
    for repetition in &mut other.cells[0].repetitions {
        let survival = repetition.survival.as_mut().unwrap();
        let empty = |bucket: &mut Bucket| bucket.present = 0;
        survival.by_insertion.iter_mut().for_each(empty);
        survival.by_last_access.iter_mut().for_each(empty);
        survival.by_popularity.iter_mut().for_each(empty);
        survival.groups.iter_mut().for_each(|one| one.present = 0);
        repetition.timeline.iter_mut().for_each(|interval| {
            interval.operations /= 2;
            interval.latencies.truncate(1);
        });
        repetition
            .samples
            .iter_mut()
            .for_each(|sample| sample.keys /= 2);
        repetition
            .phases
            .iter_mut()
            .for_each(|phase| phase.latency = other_latency());
    }
    for (before, after) in all(&recording).unwrap().iter().zip(all(&other).unwrap()) {
        assert_ne!(before.svg, after.svg, "{}", before.name);
    }
}

fn other_latency() -> crate::recording::model::Latency {
    let mut histogram = hdrhistogram::Histogram::new(3).unwrap();
    histogram.record_n(7_000_000, 1000).unwrap();
    crate::recording::model::Latency::of(&histogram)
}

/// What a damaged or half-finished recording may hold.
#[test]
fn nonsense_is_drawn_without_panic() {
    let mut recording = fixture::lru_flood();
    for (number, cell) in recording.cells.iter_mut().enumerate() {
        for repetition in &mut cell.repetitions {
            let wild = [f64::MAX, -1.0, 0.0, f64::MIN_POSITIVE, 1e18, -1e300][number];
            repetition.timeline.iter_mut().for_each(|interval| {
                (interval.at_s, interval.length_s, interval.phase) = (wild, wild, usize::MAX)
            });
            repetition.samples.iter_mut().for_each(|sample| {
                (sample.at_s, sample.used_memory_bytes, sample.keys) = (wild, u64::MAX, u64::MAX)
            });
            repetition
                .phases
                .iter_mut()
                .for_each(|phase| (phase.started_s, phase.elapsed_s) = (wild, wild));
            repetition.phases.truncate(number % 3);
            repetition
                .phases
                .iter_mut()
                .for_each(|phase| phase.latency.histogram.truncate(number * 40));
            if let Some(survival) = &mut repetition.survival {
                survival.by_insertion.iter_mut().for_each(|bucket| {
                    (bucket.from, bucket.present) = (u64::MAX - bucket.from, u64::MAX)
                });
                survival.by_last_access.reverse();
            }
        }
    }
    for plot in all(&recording).unwrap() {
        assert!(!plot.svg.contains("NaN"), "{}", plot.name);
        elements(&plot.svg);
    }
}
