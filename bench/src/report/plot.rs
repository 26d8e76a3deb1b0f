//! Small multiples in one SVG file: a panel for each group of series, readable on light and dark pages.

use std::fmt::Write as _;

use super::{Table, flat::averaged};

/// Maximum number of points of a line: enough for its width, and a small file.
const POINTS: usize = 120;
const COLUMNS: usize = 2;
const PANEL: (f64, f64) = (380.0, 150.0);
/// Margins around the curves of a panel: left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (44.0, 34.0, 12.0, 22.0);
const HEAD: f64 = 34.0;
/// Colors of the lines of a panel, in this order, repeated if there are more lines.
const COLOURS: [(&str, &str); 6] = [
    ("#1f6feb", "#58a6ff"),
    ("#0b7a75", "#39c5bb"),
    ("#bc4c00", "#f0883e"),
    ("#8250df", "#bc8cff"),
    ("#9a6700", "#d29922"),
    ("#57606a", "#8b949e"),
];

/// Draws all panels of a table in the order of their first series.
pub fn plot(title: &str, table: &Table) -> String {
    let mut panels: Vec<&str> = Vec::new();
    for series in &table.series {
        if !panels.contains(&series.panel) {
            panels.push(series.panel);
        }
    }
    let height = HEAD + panels.len().div_ceil(COLUMNS) as f64 * PANEL.1;
    let width = COLUMNS as f64 * PANEL.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n"
    );
    svg.push_str(&style());
    let _ = writeln!(svg, "<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>");
    let _ = writeln!(svg, "<text class=\"title\" x=\"12\" y=\"22\">{title}</text>");
    for (index, panel) in panels.iter().enumerate() {
        let (x, y) = ((index % COLUMNS) as f64 * PANEL.0, HEAD + (index / COLUMNS) as f64 * PANEL.1);
        draw_panel(&mut svg, panel, table, (x, y));
    }
    svg.push_str("</svg>\n");
    svg
}

fn style() -> String {
    let mut light = String::new();
    let mut dark = String::new();
    for (index, (on_light, on_dark)) in COLOURS.iter().enumerate() {
        let _ = write!(light, ".c{index}{{stroke:{on_light}}}.t{index}{{fill:{on_light}}}");
        let _ = write!(dark, ".c{index}{{stroke:{on_dark}}}.t{index}{{fill:{on_dark}}}");
    }
    format!(
        "<style>text{{font:11px system-ui,sans-serif;fill:#57606a}}.title{{font-size:14px;font-weight:600;fill:#1f2328}}\
         .name{{font-weight:600;fill:#1f2328}}.page{{fill:#fff}}path{{fill:none;stroke-width:1.3}}\
         .grid{{stroke:#d0d7de;stroke-width:1}}.n{{text-anchor:end}}{light}\
         @media(prefers-color-scheme:dark){{text{{fill:#9198a1}}.title,.name{{fill:#f0f6fc}}.page{{fill:#0d1117}}\
         .grid{{stroke:#30363d}}{dark}}}</style>\n"
    )
}

fn draw_panel(svg: &mut String, panel: &str, table: &Table, (x, y): (f64, f64)) {
    let lines: Vec<(&str, Vec<(f64, f64)>)> = table
        .series
        .iter()
        .filter(|series| series.panel == panel)
        .map(|series| {
            let points = table.seconds.iter().copied().zip(series.values.iter().copied());
            let measured: Vec<(f64, f64)> = points.filter(|(_, value)| value.is_finite()).collect();
            (series.name.as_str(), averaged(&measured, POINTS))
        })
        .collect();
    let highest = lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value).fold(0.0, f64::max);
    let (top, end) = (round_up(highest), table.seconds.last().copied().unwrap_or(1.0).max(1.0));
    let (left, upper) = (x + MARGIN.0, y + MARGIN.1);
    let (right, lower) = (x + PANEL.0 - MARGIN.2, y + PANEL.1 - MARGIN.3);
    let at =
        |(seconds, value): (f64, f64)| (left + (right - left) * seconds / end, lower - (lower - upper) * value / top);
    let _ = writeln!(svg, "<text class=\"name\" x=\"{}\" y=\"{}\">{panel}</text>", x + 12.0, y + 12.0);
    for share in [0.0, 0.5, 1.0] {
        let (_, height) = at((0.0, top * share));
        let label = number(top * share);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{left} {height:.1}H{right}\"/>\
             <text class=\"n\" x=\"{}\" y=\"{:.1}\">{label}</text>",
            left - 5.0,
            height + 4.0
        );
    }
    for share in [0.0, 0.5, 1.0] {
        let anchor = ["start", "middle", "end"][if share < 0.5 {
            0
        } else if share < 1.0 {
            1
        } else {
            2
        }];
        let _ = writeln!(
            svg,
            "<text style=\"text-anchor:{anchor}\" x=\"{:.1}\" y=\"{}\">{} min</text>",
            left + (right - left) * share,
            lower + 15.0,
            number(end * share / 60.0)
        );
    }
    let mut legend = String::new();
    for (index, (name, points)) in lines.iter().enumerate() {
        let colour = index % COLOURS.len();
        let _ = write!(legend, "<tspan class=\"t{colour}\">{name}</tspan> ");
        if points.is_empty() {
            continue;
        }
        let path: Vec<String> = points.iter().map(|point| at(*point)).map(|(x, y)| format!("{x:.0} {y:.1}")).collect();
        let _ = writeln!(svg, "<path class=\"c{colour}\" d=\"M{}\"/>", path.join("L"));
    }
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\">{}</text>", y + 26.0, legend.trim_end());
}

/// Returns the smallest of 1, 2, 4, 5, 10, 20, … that is not less than the value.
fn round_up(value: f64) -> f64 {
    let mut step = 1.0;
    loop {
        for factor in [1.0, 2.0, 4.0, 5.0] {
            if value <= step * factor {
                return step * factor;
            }
        }
        step *= 10.0;
    }
}

fn number(value: f64) -> String {
    if value.fract().abs() < 0.05 || value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_the_end_of_an_axis_up() {
        for (value, top) in [(0.0, 1.0), (1.5, 2.0), (3.0, 4.0), (43.0, 50.0), (51.0, 100.0), (410.0, 500.0)] {
            assert!((round_up(value) - top).abs() < f64::EPSILON, "{value}");
        }
    }
}
