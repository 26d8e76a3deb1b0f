//! Small multiples in one SVG file: a panel for each group of series, readable on light and dark pages.

use std::fmt::Write as _;

use anyhow::Result;
use plotters::{
    coord::Shift,
    prelude::{
        ChartBuilder, Color as _, DrawingArea, IntoDrawingArea as _, IntoFont as _, IntoTextStyle as _, LineSeries,
        RGBColor, SVGBackend, Text,
    },
};

use super::{Series, Table, trend::averaged};

/// Maximum number of points per line: enough for the width of a panel, and few enough for a small file.
const POINTS: usize = 120;
const COLUMNS: usize = 2;
/// Width and height of a panel, in pixels.
const PANEL: (u32, u32) = (380, 150);
/// Height of the title, in pixels.
const TITLE_HEIGHT: u32 = 34;
/// Space for the name and the legend of a panel above its curves, in pixels.
const HEAD: i32 = 32;
const FONT: &str = "sans-serif";
const FONT_SIZE: i32 = 11;

/// A color for light pages, and its counterpart for dark pages in hexadecimal notation.
struct Paint(RGBColor, &'static str);

const PAGE: Paint = Paint(RGBColor(0xff, 0xff, 0xff), "#0d1117");
const HEADING: Paint = Paint(RGBColor(0x1f, 0x23, 0x28), "#f0f6fc");
const LABEL: Paint = Paint(RGBColor(0x57, 0x60, 0x6a), "#9198a1");
const GRID: Paint = Paint(RGBColor(0xd0, 0xd7, 0xde), "#30363d");
/// Colors of the lines of a panel, in this order, repeated if there are more lines.
const LINES: [Paint; 6] = [
    Paint(RGBColor(0x1f, 0x6f, 0xeb), "#58a6ff"),
    Paint(RGBColor(0x0b, 0x7a, 0x75), "#39c5bb"),
    Paint(RGBColor(0xbc, 0x4c, 0x00), "#f0883e"),
    Paint(RGBColor(0x82, 0x50, 0xdf), "#bc8cff"),
    Paint(RGBColor(0x9a, 0x67, 0x00), "#d29922"),
    Paint(RGBColor(0x6e, 0x77, 0x81), "#8b949e"),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws all panels of a table in the order of their first series.
///
/// # Errors
/// Fails if the drawing fails.
pub fn plot(title: &str, table: &Table) -> Result<String> {
    let mut panels: Vec<&str> = Vec::new();
    for series in &table.series {
        if !panels.contains(&series.panel) {
            panels.push(series.panel);
        }
    }
    let rows = panels.len().div_ceil(COLUMNS);
    let size = (PANEL.0 * u32::try_from(COLUMNS)?, TITLE_HEIGHT + PANEL.1 * u32::try_from(rows)?);
    let mut svg = String::new();
    {
        let page = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        page.fill(&PAGE.0)?;
        page.draw(&Text::new(title.to_owned(), (12, 10), (FONT, 14).into_font().color(&HEADING.0)))?;
        let (_, body) = page.split_vertically(TITLE_HEIGHT);
        for (panel, area) in panels.iter().zip(body.split_evenly((rows, COLUMNS))) {
            draw_panel(&area, panel, table)?;
        }
        page.present()?;
    }
    Ok(with_dark_mode(&svg, title))
}

fn draw_panel(area: &Area<'_>, panel: &str, table: &Table) -> Result<()> {
    let lines: Vec<(&str, Vec<(f64, f64)>)> =
        table.series.iter().filter(|it| it.panel == panel).map(|it| (it.name.as_str(), points(it, table))).collect();
    let highest = lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value).fold(0.0, f64::max);
    let end = table.seconds.last().copied().unwrap_or(1.0).max(1.0) / 60.0;
    area.draw(&Text::new(panel.to_owned(), (12, 4), (FONT, FONT_SIZE + 1).into_font().color(&HEADING.0)))?;
    let label = (FONT, FONT_SIZE).into_text_style(area).color(&LABEL.0);
    let mut chart = ChartBuilder::on(area)
        .margin_top(HEAD)
        .margin_right(12)
        .x_label_area_size(22)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..end, 0.0..round_up(highest))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(3)
        .y_labels(3)
        .light_line_style(PAGE.0)
        .bold_line_style(GRID.0)
        .axis_style(GRID.0)
        .label_style(label.clone())
        .x_label_formatter(&|minutes| format!("{} min", number(*minutes)))
        .y_label_formatter(&|value| number(*value))
        .draw()?;
    let mut x = 44;
    for ((name, points), Paint(color, _)) in lines.into_iter().zip(LINES.iter().cycle()) {
        area.draw(&Text::new(name.to_owned(), (x, 18), label.clone().color(color)))?;
        x += i32::try_from(area.estimate_text_size(name, &label)?.0)? + 6;
        chart.draw_series(LineSeries::new(points, color.stroke_width(1)))?;
    }
    Ok(())
}

/// Returns the measured values of a series over minutes.
fn points(series: &Series, table: &Table) -> Vec<(f64, f64)> {
    let points = table.seconds.iter().map(|seconds| seconds / 60.0).zip(series.values.iter().copied());
    let measured: Vec<(f64, f64)> = points.filter(|(_, value)| value.is_finite()).collect();
    averaged(&measured, POINTS)
}

/// Adds a style sheet that replaces every color on dark pages.
fn with_dark_mode(svg: &str, title: &str) -> String {
    let mut rules = String::new();
    for Paint(RGBColor(red, green, blue), dark) in [&PAGE, &HEADING, &LABEL, &GRID].into_iter().chain(&LINES) {
        for attribute in ["fill", "stroke"] {
            let _ = write!(rules, "[{attribute}=\"#{red:02X}{green:02X}{blue:02X}\"]{{{attribute}:{dark}}}");
        }
    }
    let style = format!("<style>@media(prefers-color-scheme:dark){{{rules}}}</style>");
    match svg.split_once("<svg ").and_then(|(_, rest)| rest.split_once('>')) {
        Some((attributes, body)) => format!("<svg role=\"img\" aria-label=\"{title}\" {attributes}>\n{style}{body}"),
        None => svg.to_owned(),
    }
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

    #[test]
    fn draws_a_line_per_series_with_colors_for_dark_pages() {
        let folder = tempfile::tempdir().unwrap();
        let series = ["one", "two"].map(|name| Series::new("Panel", name, None)).to_vec();
        let mut table = Table::create(&folder.path().join("table.csv"), series).unwrap();
        for second in 0..10 {
            table.add(f64::from(second), &[1.0, 2.0]).unwrap();
        }

        let svg = plot("A title", &table).unwrap();

        assert!(svg.matches("<polyline").count() >= 2, "{svg}");
        assert!(svg.contains("Panel") && svg.contains("[stroke=\"#1F6FEB\"]{stroke:#58a6ff}"), "{svg}");
    }
}
