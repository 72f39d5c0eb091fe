//! Line plots as SVG.

use std::fmt::Write;

/// A plot of several lines over the same axes.
pub(crate) struct Plot {
    /// Name of the file, without its ending.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    x_label: &'static str,
    y_label: &'static str,
    logarithmic: bool,
    lines: Vec<Line>,
}

/// One line.
pub(crate) struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Line {
    pub(crate) fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect() }
    }
}

// In pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLOURS: [&str; 6] = ["#1b6ca8", "#c44e1a", "#2f8f4e", "#8a4fa3", "#b3960f", "#666666"];

/// From values to pixels along one axis.
struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    from: f64,
    to: f64,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (low, high) = (scale(self.low), scale(self.high));
        self.from + (scale(value) - low) / (high - low).max(f64::MIN_POSITIVE) * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let (low, high) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
            return (low..=high).map(|power| 10f64.powi(power)).collect();
        }
        let step = nice((self.high - self.low) / 6.0);
        (0..=7)
            .map(|tick| f64::from(tick) * step)
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|nice| *nice >= step).unwrap_or(step)
}

impl Plot {
    /// A plot without lines; its axes begin at 0.
    pub(crate) fn new(
        id: &'static str,
        title: &'static str,
        x_label: &'static str,
        y_label: &'static str,
    ) -> Self {
        Self { id, title, x_label, y_label, logarithmic: false, lines: Vec::new() }
    }

    /// Both axes are logarithmic.
    pub(crate) fn logarithmic(mut self) -> Self {
        self.logarithmic = true;
        self
    }

    pub(crate) fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// The picture.
    pub(crate) fn to_svg(&self) -> String {
        let x = self.axis(|point| point.0, LEFT, WIDTH - RIGHT);
        let y = self.axis(|point| point.1, HEIGHT - BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        text(&mut svg, (WIDTH / 2.0, 22.0), "middle", &format!("{} ({})", self.title, self.y_label));
        text(&mut svg, ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0), "middle", self.x_label);
        for tick in x.ticks() {
            let at = x.place(tick);
            rule(&mut svg, (at, TOP), (at, HEIGHT - BOTTOM));
            text(&mut svg, (at, HEIGHT - BOTTOM + 18.0), "middle", &short(tick));
        }
        for tick in y.ticks() {
            let at = y.place(tick);
            rule(&mut svg, (LEFT, at), (WIDTH - RIGHT, at));
            text(&mut svg, (LEFT - 8.0, at + 4.0), "end", &short(tick));
        }
        for (number, (line, colour)) in self.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let points =
                line.points.iter().map(|point| format!("{:.1},{:.1} ", x.place(point.0), y.place(point.1)));
            let points: String = points.collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                points.trim()
            );
            for point in &line.points {
                let (x, y) = (x.place(point.0), y.place(point.1));
                let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            }
            let row = TOP + 16.0 + 18.0 * number as f64;
            let _ = writeln!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>",
                LEFT + 12.0,
                row - 6.0
            );
            text(&mut svg, (LEFT + 32.0, row), "start", &line.name);
        }
        svg + "</svg>\n"
    }

    fn axis(&self, of: impl Fn(&(f64, f64)) -> f64, from: f64, to: f64) -> Axis {
        let values = self.lines.iter().flat_map(|line| &line.points).map(of);
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if self.logarithmic {
            (10f64.powf(low.log10().floor()), 10f64.powf(high.log10().ceil()))
        } else {
            (0.0, high * 1.1)
        };
        Axis { low, high, logarithmic: self.logarithmic, from, to }
    }
}

fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((a, b), (c, d)) = (from, to);
    let _ = writeln!(svg, "<path d=\"M{a:.1} {b:.1}L{c:.1} {d:.1}\" stroke=\"#dddddd\"/>");
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>", at.0, at.1);
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e4 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_an_axis_are_at_its_ends() {
        let axis = Axis { low: 1.0, high: 1000.0, logarithmic: true, from: 0.0, to: 300.0 };
        assert_eq!([1.0, 10.0, 1000.0].map(|value| axis.place(value).round()), [0.0, 100.0, 300.0]);
        assert_eq!(axis.ticks(), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(nice(0.3), 0.5);
    }

    #[test]
    fn every_point_is_drawn() {
        let mut plot = Plot::new("p", "t", "x", "y");
        plot.line(Line::new("a < b", [(0.0, 0.0), (1.0, 5.0)]));
        let svg = plot.to_svg();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
    }
}
