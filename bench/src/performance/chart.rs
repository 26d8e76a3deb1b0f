//! Plots a bar chart for each of the main figures. The charts are readable on light and dark pages.

use anyhow::Result;
use plotters::prelude::{
    Color as _, IntoDrawingArea as _, IntoFont as _, IntoTextStyle as _, Rectangle, SVGBackend, Text,
};

use super::{
    figures::{Figure, Figures},
    table::number,
};
use crate::report::palette::{FONT, GRID, HEADING, LABEL, LINES, PAGE, with_dark_mode};

/// Each panel's title, and the section and row of the figures that the panel shows.
const PANELS: [(&str, &str, &str); 10] = [
    ("One session: send → answer, p50, ms", "One session", "Send → answer, excluding the model, p50, ms"),
    ("16 sessions: turns per second", "16 sessions", "Turns per second"),
    ("64 sessions: turns per second", "64 sessions", "Turns per second"),
    ("16 sessions: CPU per turn, ms", "16 sessions", "CPU per turn, api and worker, ms"),
    ("16 sessions: written per turn, KiB", "16 sessions", "Written per turn, KiB"),
    ("Accepted sends per second, 16 clients", "Accepted sends, no worker", "16 clients, per second"),
    ("Accepted sends per second, 64 clients", "Accepted sends, no worker", "64 clients, per second"),
    ("1 000 streams: delivery, p99, ms", "Fan-out of 20 events per second", "1000 streams, p99, ms"),
    ("5 000 streams: delivery, p99, ms", "Fan-out of 20 events per second", "5000 streams, p99, ms"),
    ("Memory when idle, MiB", "Idle, api and worker", "Memory, MiB"),
];
const TITLE: &str = "What one CPU carries";
const COLUMNS: usize = 2;
/// Width of a panel, in pixels. The other sizes are also in pixels.
const WIDTH: u32 = 380;
const TITLE_HEIGHT: u32 = 34;
const HEAD: i32 = 26;
const BAR: i32 = 14;
const STEP: i32 = 20;
/// Horizontal position at which the bars start, and length that represents a panel's highest value.
const LEFT: i32 = 152;
const LENGTH: i32 = 144;

/// Draws every panel that has figures, and returns the SVG image.
///
/// # Errors
/// Fails if the image cannot be drawn.
pub fn draw(figures: &Figures) -> Result<String> {
    let panels: Vec<(&str, Vec<&Figure>)> = PANELS
        .iter()
        .map(|(title, section, row)| {
            (*title, figures.measured.iter().filter(|it| it.section == *section && it.row == *row).collect())
        })
        .filter(|(_, bars): &(_, Vec<_>)| !bars.is_empty())
        .collect();
    // A column has the same color in every panel.
    let mut columns: Vec<&str> = Vec::new();
    for bar in panels.iter().flat_map(|(_, bars)| bars) {
        if !columns.contains(&bar.column.as_str()) {
            columns.push(&bar.column);
        }
    }
    let bars = panels.iter().map(|(_, bars)| bars.len()).max().unwrap_or(1);
    let height = u32::try_from(HEAD)? + u32::try_from(STEP)? * u32::try_from(bars)? + 12;
    let rows = panels.len().div_ceil(COLUMNS).max(1);
    let size = (WIDTH * u32::try_from(COLUMNS)?, TITLE_HEIGHT + height * u32::try_from(rows)?);
    let mut svg = String::new();
    {
        let page = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        page.fill(&PAGE.0)?;
        page.draw(&Text::new(TITLE, (12, 10), (FONT, 14).into_font().color(&HEADING.0)))?;
        for (index, (title, bars)) in panels.iter().enumerate() {
            let x = i32::try_from(WIDTH)? * i32::try_from(index % COLUMNS)?;
            let y = i32::try_from(TITLE_HEIGHT)? + i32::try_from(height)? * i32::try_from(index / COLUMNS)?;
            page.draw(&Text::new(*title, (x + 12, y + 4), (FONT, 12).into_font().color(&HEADING.0)))?;
            let label = (FONT, 11).into_text_style(&page).color(&LABEL.0);
            let highest = bars.iter().map(|bar| bar.max).fold(f64::MIN_POSITIVE, f64::max);
            let length = |value: f64| {
                #[expect(clippy::cast_possible_truncation, reason = "at most LENGTH pixels")]
                let pixels = (f64::from(LENGTH) * value.max(0.0) / highest).round() as i32;
                pixels
            };
            for (number_of_bar, bar) in bars.iter().enumerate() {
                let top = y + HEAD + STEP * i32::try_from(number_of_bar)?;
                let left = x + LEFT;
                let place = columns.iter().position(|column| *column == bar.column).unwrap_or_default();
                let color = LINES[place % LINES.len()].0;
                page.draw(&Text::new(bar.column.clone(), (x + 12, top + 2), label.clone()))?;
                let end = left + length(bar.median).max(1);
                page.draw(&Rectangle::new([(left, top), (end, top + BAR)], color.filled()))?;
                // A line shows the range over all runs.
                let (low, high) = (left + length(bar.min), left + length(bar.max));
                let middle = top + BAR / 2;
                page.draw(&Rectangle::new([(low, middle), (high, middle + 1)], GRID.0.filled()))?;
                page.draw(&Text::new(number(bar.median), (end.max(high) + 6, top + 2), label.clone()))?;
            }
        }
        page.present()?;
    }
    Ok(with_dark_mode(&svg, TITLE))
}
