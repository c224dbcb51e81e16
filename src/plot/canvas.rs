//! A picture as a list of marks, and how it becomes SVG.
//!
//! Plots put marks down in pixels, back to front; plotters writes them. Its SVG backend knows whole numbers only, so
//! it is given tenths of pixels and the picture a view box to match.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::prelude::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::measure;
use super::theme::{self, Ink};

/// A picture could not be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot draw {title}: {detail}; this is a fault in cachebench, and the recording is not affected"
)]
pub struct PlotError {
    title: String,
    detail: String,
}

/// Steps per pixel.
const FINENESS: f64 = 10.0;

/// plotters takes a font size to be this much larger than SVG does.
const FONT_SCALE: f64 = 1.24;

/// A rectangle, pixels from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }
}

/// Where text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// A line of text, vertically centred on its point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub(super) at: (f64, f64),
    pub(super) text: String,
    pub(super) size: f64,
    pub(super) align: Align,
    pub(super) ink: Ink,
    pub(super) bold: bool,
    /// Read upwards, for the name of a vertical axis.
    pub(super) upwards: bool,
}

impl Text {
    pub(super) fn new(x: f64, y: f64, text: impl Into<String>, size: f64, ink: Ink) -> Self {
        Self {
            at: (x, y),
            text: text.into(),
            size,
            align: Align::Start,
            ink,
            bold: false,
            upwards: false,
        }
    }

    pub(super) fn align(mut self, align: Align) -> Self {
        self.align = align;
        self
    }

    pub(super) fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub(super) fn upwards(mut self) -> Self {
        self.upwards = true;
        self
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) ink: Ink,
    pub(super) width: f64,
    pub(super) opacity: f64,
    pub(super) dashed: bool,
}

impl Stroke {
    pub(super) fn new(ink: Ink, width: f64) -> Self {
        Self {
            ink,
            width,
            opacity: 1.0,
            dashed: false,
        }
    }

    pub(super) fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    pub(super) fn faint(mut self, opacity: f64) -> Self {
        self.opacity = opacity;
        self
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Mark {
    Line(Vec<(f64, f64)>, Stroke),
    Area(Vec<(f64, f64)>, Ink, f64),
    Box(Rect, Ink, f64),
    Text(Text),
}

/// A picture in the making.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    title: String,
    how_to_read: String,
    marks: Vec<Mark>,
}

impl Canvas {
    /// A picture with its title and the grey line that says how to read it, and the height at which the rest begins.
    pub(super) fn titled(title: &str, how_to_read: &str) -> (Self, f64) {
        let room = theme::WIDTH - 2.0 * theme::MARGIN;
        let mut canvas = Self {
            title: title.to_owned(),
            how_to_read: how_to_read.to_owned(),
            marks: Vec::new(),
        };
        let title = measure::fit(title, theme::TITLE, room);
        canvas.text(Text::new(
            theme::MARGIN,
            24.0,
            title,
            theme::TITLE,
            Ink::Text,
        ));
        let mut y = 48.0;
        for line in measure::wrap(how_to_read, theme::BODY, room, 3) {
            canvas.text(Text::new(theme::MARGIN, y, line, theme::BODY, Ink::Muted));
            y += 17.0;
        }
        (canvas, y + 4.0)
    }

    /// A line through `points`; dashes are cut here, since the backend has none.
    pub(super) fn line(&mut self, points: Vec<(f64, f64)>, stroke: Stroke) {
        if stroke.dashed {
            let dashes = dashes(&points)
                .into_iter()
                .map(|dash| Mark::Line(dash, stroke));
            self.marks.extend(dashes);
        } else if points.len() > 1 {
            self.marks.push(Mark::Line(points, stroke));
        }
    }

    /// A filled outline.
    pub(super) fn area(&mut self, outline: Vec<(f64, f64)>, ink: Ink, opacity: f64) {
        if outline.len() > 2 {
            self.marks.push(Mark::Area(outline, ink, opacity));
        }
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, rect: Rect, ink: Ink, opacity: f64) {
        if rect.width() > 0.0 && rect.height() > 0.0 {
            self.marks.push(Mark::Box(rect, ink, opacity));
        }
    }

    /// A line of text; none where there is nothing to say.
    pub(super) fn text(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.marks.push(Mark::Text(text));
        }
    }

    /// The picture as an SVG document of this height.
    pub(super) fn render(&self, height: f64) -> Result<String, PlotError> {
        let mut drawn = String::new();
        self.draw(height, &mut drawn).map_err(|detail| PlotError {
            title: self.title.clone(),
            detail,
        })?;
        let body = drawn.split_once('\n').map_or("", |(_, body)| body);
        Ok(format!("{}{body}", self.head(height)))
    }

    /// The opening of the document: a size in pixels that a page may scale, and words for those who cannot see it.
    fn head(&self, height: f64) -> String {
        let (width, height) = (theme::WIDTH, height.ceil());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" role=\"img\">\n\
             <title>{}</title>\n<desc>{}</desc>\n<style>{}</style>\n",
            fine(width),
            fine(height),
            escape(&self.title),
            escape(&self.how_to_read),
            theme::style_sheet(),
        )
    }

    fn draw(&self, height: f64, drawn: &mut String) -> Result<(), String> {
        let size = (
            fine(theme::WIDTH).unsigned_abs(),
            fine(height.ceil()).unsigned_abs(),
        );
        let mut backend = SVGBackend::with_string(drawn, size);
        let whole = Rect {
            left: 0.0,
            top: 0.0,
            right: theme::WIDTH,
            bottom: height.ceil(),
        };
        draw_mark(&mut backend, &Mark::Box(whole, Ink::Paper, 1.0))?;
        for mark in &self.marks {
            draw_mark(&mut backend, mark)?;
        }
        backend.present().map_err(|error| error.to_string())
    }
}

fn draw_mark(backend: &mut SVGBackend<'_>, mark: &Mark) -> Result<(), String> {
    let drawn = match mark {
        Mark::Line(points, stroke) => {
            backend.draw_path(points.iter().map(point), &line_style(stroke))
        }
        Mark::Area(outline, ink, opacity) => {
            backend.fill_polygon(outline.iter().map(point), &fill_style(*ink, *opacity))
        }
        Mark::Box(rect, ink, opacity) => {
            let (from, to) = (
                point(&(rect.left, rect.top)),
                point(&(rect.right, rect.bottom)),
            );
            backend.draw_rect(from, to, &fill_style(*ink, *opacity), true)
        }
        Mark::Text(text) => backend.draw_text(&text.text, &text_style(text), point(&text.at)),
    };
    drawn.map_err(|error| error.to_string())
}

fn line_style(stroke: &Stroke) -> ShapeStyle {
    ShapeStyle {
        color: colour(stroke.ink).mix(stroke.opacity),
        filled: false,
        stroke_width: fine(stroke.width).unsigned_abs(),
    }
}

fn fill_style(ink: Ink, opacity: f64) -> ShapeStyle {
    ShapeStyle {
        color: colour(ink).mix(opacity),
        filled: true,
        stroke_width: 0,
    }
}

fn text_style(text: &Text) -> TextStyle<'_> {
    let font = ("sans-serif", text.size * FINENESS * FONT_SCALE).into_font();
    let font = if text.bold {
        font.style(plotters::style::FontStyle::Bold)
    } else {
        font
    };
    let font = if text.upwards {
        font.transform(FontTransform::Rotate270)
    } else {
        font
    };
    let across = match text.align {
        Align::Start => HPos::Left,
        Align::Middle => HPos::Center,
        Align::End => HPos::Right,
    };
    let colour = colour(text.ink).to_backend_color();
    TextStyle {
        font,
        color: colour,
        pos: Pos::new(HPos::Left, VPos::Center),
    }
    .pos(Pos::new(across, VPos::Center))
}

fn colour(ink: Ink) -> RGBColor {
    let (red, green, blue) = ink.rgb();
    RGBColor(red, green, blue)
}

fn point((x, y): &(f64, f64)) -> (i32, i32) {
    (fine(*x), fine(*y))
}

/// Saturates, and takes what is no number for 0.
fn fine(pixels: f64) -> i32 {
    (pixels * FINENESS).round() as i32
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Cuts a line into dashes of 6 pixels with 4 between.
fn dashes(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    const DASH: f64 = 6.0;
    const PERIOD: f64 = 10.0;
    let mut dashes = Vec::new();
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let along = |distance: f64| {
            let share = (distance / length).min(1.0);
            (
                from.0 + (to.0 - from.0) * share,
                from.1 + (to.1 - from.1) * share,
            )
        };
        let count = (length / PERIOD).ceil().min(1000.0) as u32;
        dashes.extend(
            (0..count)
                .map(|i| f64::from(i) * PERIOD)
                .map(|start| vec![along(start), along(start + DASH)]),
        );
    }
    dashes
}
