//! Draws small multiples in one SVG file, with a panel for each group of series. The file is readable on light and dark
//! pages.

use anyhow::Result;
use plotters::{
    coord::Shift,
    prelude::{
        ChartBuilder, Color as _, DrawingArea, IntoDrawingArea as _, IntoFont as _, IntoTextStyle as _, LineSeries,
        SVGBackend, Text,
    },
};

use super::{
    Series, Table,
    palette::{FONT, GRID, HEADING, LABEL, LINES, PAGE, with_dark_mode},
    trend::averaged,
};

/// Maximum number of points per line, which is enough for a panel's width but low enough to keep the file small.
const POINTS: usize = 120;
const COLUMNS: usize = 2;
/// Width and height of a panel, in pixels.
const PANEL: (u32, u32) = (380, 150);
/// Height of the title, in pixels.
const TITLE_HEIGHT: u32 = 34;
/// Height, in pixels, of the space above a panel's curves, which contains the panel's name and legend.
const HEAD: i32 = 32;
const FONT_SIZE: i32 = 11;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws all panels for a table, in the order in which their first series appear, and returns the SVG image.
///
/// # Errors
/// Fails if the plot cannot be drawn.
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
    for ((name, points), paint) in lines.into_iter().zip(LINES.iter().cycle()) {
        area.draw(&Text::new(name.to_owned(), (x, 18), label.clone().color(&paint.0)))?;
        x += i32::try_from(area.estimate_text_size(name, &label)?.0)? + 6;
        chart.draw_series(LineSeries::new(points, paint.0.stroke_width(1)))?;
    }
    Ok(())
}

/// Returns the measured values of a series with their times in minutes, averaged to at most [`POINTS`] points.
fn points(series: &Series, table: &Table) -> Vec<(f64, f64)> {
    let points = table.seconds.iter().map(|seconds| seconds / 60.0).zip(series.values.iter().copied());
    let measured: Vec<(f64, f64)> = points.filter(|(_, value)| value.is_finite()).collect();
    averaged(&measured, POINTS)
}

/// Returns the smallest of 1, 2, 4, 5, 10, 20, … that is greater than or equal to the value.
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
