//! What a search for places asks for.

use super::{point_in, unit_in};
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::typed::double_in;
use crate::command::{Arguments, refusal};
use crate::types::geo::{Point, Shape};

/// What the options of a command may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS and GEORADIUSBYMEMBER: centre and circle stand before the options.
    Radius {
        /// Whether STORE is among them.
        may_store: bool,
    },
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

/// What is found around.
#[derive(Debug, Clone, Copy)]
pub(super) enum Centre {
    Position(Point),
    /// Where a member is; `None` where there is nothing to search.
    Member(Option<Point>),
}

/// Finds where a member is.
pub(super) type Locate<'l> = &'l mut dyn FnMut(&[u8]) -> Result<Option<Point>, Refusal>;

/// A search, its shape in metres.
#[derive(Debug)]
pub(super) struct Query<'a> {
    pub(super) centre: Option<Centre>,
    pub(super) shape: Option<Shape>,
    /// The unit of all lengths, in metres.
    pub(super) unit: f64,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) with_point: bool,
    /// Nearest first, or furthest.
    pub(super) ascending: Option<bool>,
    /// 0 for all.
    pub(super) count: usize,
    /// ANY: the first found will do.
    pub(super) any: bool,
    /// Where the result goes.
    pub(super) store: Option<&'a [u8]>,
    /// Whether what is stored are the distances.
    pub(super) store_distances: bool,
}

/// Reads a length that is not negative.
fn length_in(
    argument: &[u8],
    no_number: &'static str,
    negative: &'static str,
) -> Result<f64, Refusal> {
    let length = double_in(argument, no_number)?;
    if length < 0.0 {
        return Err(negative.into());
    }
    Ok(length)
}

impl<'a> Query<'a> {
    pub(super) fn new(store: Option<&'a [u8]>) -> Self {
        Self {
            centre: None,
            shape: None,
            unit: 1.0,
            with_distance: false,
            with_hash: false,
            with_point: false,
            ascending: None,
            count: 0,
            any: false,
            store,
            store_distances: false,
        }
    }

    /// Reads a circle: its radius and the unit.
    pub(super) fn circle(&mut self, radius: &[u8], unit: &[u8]) -> Outcome {
        let radius = length_in(
            radius,
            "ERR need numeric radius",
            "ERR radius cannot be negative",
        )?;
        self.unit = unit_in(unit)?;
        self.shape = Some(Shape::Circle {
            radius: radius * self.unit,
        });
        Ok(())
    }

    /// Reads a box: its width, its height and the unit.
    fn rectangle(&mut self, words: &Arguments<'a>) -> Outcome {
        let width = double_in(&words[1], "ERR need numeric width")?;
        let height = double_in(&words[2], "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err("ERR height or width cannot be negative".into());
        }
        self.unit = unit_in(&words[3])?;
        self.shape = Some(Shape::Box {
            width: width * self.unit,
            height: height * self.unit,
        });
        Ok(())
    }

    pub(super) fn options(
        &mut self,
        words: &Arguments<'a>,
        form: Form,
        locate: Locate<'_>,
    ) -> Outcome {
        let mut words = *words;
        while !words.is_empty() {
            let used = match self.understand(&words)? {
                0 => self.understand_of_form(&words, form, locate)?,
                used => used,
            };
            words = words.from(used);
        }
        Ok(())
    }

    /// Takes in an option that every form has; says how many words it is, 0 if it is none.
    fn understand(&mut self, words: &Arguments<'a>) -> Result<usize, Refusal> {
        match words[0].to_ascii_lowercase().as_slice() {
            b"withdist" => self.with_distance = true,
            b"withhash" => self.with_hash = true,
            b"withcoord" => self.with_point = true,
            b"any" => self.any = true,
            b"asc" => self.ascending = Some(true),
            b"desc" => self.ascending = Some(false),
            b"count" if words.len() > 1 => {
                let count = usize::try_from(integer_in(&words[1])?).unwrap_or(0);
                if count == 0 {
                    return Err("ERR COUNT must be > 0".into());
                }
                self.count = count;
                return Ok(2);
            }
            _ => return Ok(0),
        }
        Ok(1)
    }

    /// Takes in an option that not every form has.
    fn understand_of_form(
        &mut self,
        words: &Arguments<'a>,
        form: Form,
        locate: Locate<'_>,
    ) -> Result<usize, Refusal> {
        let radius = matches!(form, Form::Radius { .. });
        let around = (self.centre, words.len());
        match words[0].to_ascii_lowercase().as_slice() {
            name @ (b"store" | b"storedist")
                if form == (Form::Radius { may_store: true }) && words.len() > 1 =>
            {
                self.store = words.get(1);
                self.store_distances = name == b"storedist";
                Ok(2)
            }
            b"storedist" if form == Form::SearchStore => {
                self.store_distances = true;
                Ok(1)
            }
            b"frommember" if !radius && matches!(around, (None | Some(Centre::Member(_)), 2..)) => {
                self.centre = Some(Centre::Member(locate(&words[1])?));
                Ok(2)
            }
            b"fromlonlat"
                if !radius && matches!(around, (None | Some(Centre::Position(_)), 3..)) =>
            {
                self.centre = Some(Centre::Position(point_in(&words[1], &words[2])?));
                Ok(3)
            }
            b"byradius" if !radius && !self.is_box() && words.len() > 2 => {
                self.circle(&words[1], &words[2])?;
                Ok(3)
            }
            b"bybox" if !radius && !self.is_circle() && words.len() > 3 => {
                self.rectangle(words)?;
                Ok(4)
            }
            _ => Err(refusal::SYNTAX.into()),
        }
    }

    fn is_box(&self) -> bool {
        matches!(self.shape, Some(Shape::Box { .. }))
    }

    fn is_circle(&self) -> bool {
        matches!(self.shape, Some(Shape::Circle { .. }))
    }

    /// Refuses what does not go together, or lacks.
    pub(super) fn check(&self, name: &[u8], form: Form) -> Outcome {
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_point) {
            let what = match form {
                Form::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )
            .into());
        }
        let searches = !matches!(form, Form::Radius { .. });
        if searches && self.centre.is_none() {
            return Err(Refusal::quoting(&[
                b"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ",
                name,
            ]));
        }
        if searches && self.shape.is_none() {
            return Err(Refusal::quoting(&[
                b"ERR exactly one of BYRADIUS and BYBOX can be specified for ",
                name,
            ]));
        }
        if self.any && self.count == 0 {
            return Err("ERR the ANY argument requires COUNT argument".into());
        }
        Ok(())
    }
}
