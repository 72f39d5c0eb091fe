//! Line plots as SVG.

use std::fmt::Write;

/// A plot of several lines over the same axes.
pub(crate) struct Plot {
    /// Name of the file, without its ending.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    x_label: &'static str,
    scales: [Scale; 2],
    lines: Vec<Line>,
}

/// How an axis is divided, and what stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From 0 on, even steps.
    Linear,
    /// Sizes in bytes, by factors of 16.
    Bytes,
    /// Microseconds, by factors of 10.
    Time,
}

impl Scale {
    /// The factor between marks; `None` if they are even.
    fn base(self) -> Option<f64> {
        match self {
            Scale::Linear => None,
            Scale::Bytes => Some(16.0),
            Scale::Time => Some(10.0),
        }
    }

    fn name(self, value: f64) -> String {
        let units: &[(f64, &str)] = match self {
            Scale::Linear => &[],
            Scale::Bytes => &[(1048576.0, " MiB"), (1024.0, " KiB"), (0.0, " B")],
            Scale::Time => &[(1e6, " s"), (1e3, " ms"), (0.0, " \u{b5}s")],
        };
        let unit = units.iter().find(|(least, _)| value >= *least);
        unit.map_or_else(|| value.to_string(), |(least, unit)| format!("{}{unit}", value / least.max(1.0)))
    }
}

/// One line.
pub(crate) struct Line {
    name: String,
    points: Vec<(f64, f64)>,
    colour: usize,
    dashed: bool,
}

impl Line {
    /// Lines that belong together have one colour, by number.
    pub(crate) fn new(
        name: impl Into<String>,
        colour: usize,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), colour, dashed: false }
    }

    /// What others are compared with.
    pub(crate) fn dashed(mut self, dashed: bool) -> Self {
        self.dashed = dashed;
        self
    }
}

// In pixels.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// Colours for light and for dark pages, each readable on its own background, which is always drawn: whoever shows the
/// picture may not know what is around it.
const STYLE: &str = "\
text{fill:#1f2328}.page{fill:#fff}.rule{stroke:#d8dee4}.c0{stroke:#0969da;fill:#0969da}.c1{stroke:#bc4c00;fill:#bc4c00}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.rule{stroke:#30363d}\
.c0{stroke:#58a6ff;fill:#58a6ff}.c1{stroke:#f0883e;fill:#f0883e}}";

/// From values to pixels along one axis.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let scaled = |value: f64| match self.scale.base() {
            Some(_) => value.max(f64::MIN_POSITIVE).ln(),
            None => value,
        };
        let (low, high) = (scaled(self.low), scaled(self.high));
        self.from + (scaled(value) - low) / (high - low).max(f64::MIN_POSITIVE) * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        let step = nice((self.high - self.low) / 8.0);
        let tick = |number: i32| match self.scale.base() {
            Some(base) => self.low * base.powi(number),
            None => self.low + step * f64::from(number),
        };
        (0..=12).map(tick).take_while(|tick| *tick <= self.high * 1.001).collect()
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|nice| *nice >= step).unwrap_or(step)
}

impl Plot {
    /// A plot without lines.
    pub(crate) fn new(
        id: &'static str,
        title: &'static str,
        x_label: &'static str,
        scales: [Scale; 2],
    ) -> Self {
        Self { id, title, x_label, scales, lines: Vec::new() }
    }

    pub(crate) fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// The picture.
    pub(crate) fn to_svg(&self) -> String {
        let [x_scale, y_scale] = self.scales;
        let x = self.axis(x_scale, |point| point.0, LEFT, WIDTH - RIGHT);
        let y = self.axis(y_scale, |point| point.1, HEIGHT - BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n"
        );
        text(&mut svg, (WIDTH / 2.0, 22.0), "middle", self.title);
        text(&mut svg, ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0), "middle", self.x_label);
        for tick in x.ticks() {
            let at = x.place(tick);
            rule(&mut svg, (at, TOP), (at, HEIGHT - BOTTOM));
            text(&mut svg, (at, HEIGHT - BOTTOM + 18.0), "middle", &x.scale.name(tick));
        }
        for tick in y.ticks() {
            let at = y.place(tick);
            rule(&mut svg, (LEFT, at), (WIDTH - RIGHT, at));
            text(&mut svg, (LEFT - 8.0, at + 4.0), "end", &y.scale.name(tick));
        }
        for line in &self.lines {
            let points = line.points.iter().map(|point| (x.place(point.0), y.place(point.1)));
            line.draw(&mut svg, &points.collect::<Vec<_>>());
            if !line.dashed {
                for point in &line.points {
                    let (x, y) = (x.place(point.0), y.place(point.1));
                    let _ = writeln!(
                        svg,
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" class=\"c{}\"/>",
                        line.colour
                    );
                }
            }
        }
        self.legend(&mut svg, y_scale == Scale::Linear);
        svg + "</svg>\n"
    }

    /// Where the lines leave room: below for rates, which begin high, above for costs, which begin low.
    fn legend(&self, svg: &mut String, below: bool) {
        let top = if below { HEIGHT - BOTTOM - 18.0 * self.lines.len() as f64 } else { TOP + 16.0 };
        for (number, line) in self.lines.iter().enumerate() {
            let row = top + 18.0 * number as f64;
            line.draw(svg, &[(LEFT + 12.0, row - 4.0), (LEFT + 40.0, row - 4.0)]);
            text(svg, (LEFT + 48.0, row), "start", &line.name);
        }
    }

    fn axis(&self, scale: Scale, of: impl Fn(&(f64, f64)) -> f64, from: f64, to: f64) -> Axis {
        let values = self.lines.iter().flat_map(|line| &line.points).map(of);
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = match scale.base() {
            Some(base) => (base.powf(low.log(base).floor()), base.powf(high.log(base).ceil())),
            None => (0.0, high * 1.1),
        };
        Axis { scale, low, high, from, to }
    }
}

impl Line {
    fn draw(&self, svg: &mut String, pixels: &[(f64, f64)]) {
        let points: Vec<String> = pixels.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let dashes = if self.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" class=\"c{}\" style=\"fill:none\" stroke-width=\"2\"{dashes}/>",
            points.join(" "),
            self.colour
        );
    }
}

fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" class=\"rule\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>", at.0, at.1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_an_axis_are_at_its_ends() {
        let axis = Axis { scale: Scale::Time, low: 1.0, high: 1000.0, from: 0.0, to: 300.0 };
        assert_eq!([1.0, 10.0, 1000.0].map(|value| axis.place(value).round()), [0.0, 100.0, 300.0]);
        let ticks: Vec<String> = axis.ticks().into_iter().map(|tick| axis.scale.name(tick)).collect();
        assert_eq!(ticks, ["1 \u{b5}s", "10 \u{b5}s", "100 \u{b5}s", "1 ms"]);
        assert_eq!([16.0, 65536.0].map(|size| Scale::Bytes.name(size)), ["16 B", "64 KiB"]);
        assert_eq!(nice(0.3), 0.5);
    }

    #[test]
    fn every_point_is_drawn() {
        let mut plot = Plot::new("p", "t", "x", [Scale::Linear; 2]);
        plot.line(Line::new("a < b", 0, [(0.0, 0.0), (1.0, 5.0)]));
        let svg = plot.to_svg();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
    }
}
