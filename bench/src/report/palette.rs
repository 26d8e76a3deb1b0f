//! The colors used in plots, for light and dark pages.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// A color for light pages, and its counterpart for dark pages, in hexadecimal.
pub struct Paint(pub RGBColor, &'static str);

/// The background.
pub const PAGE: Paint = Paint(RGBColor(0xff, 0xff, 0xff), "#0d1117");
/// Titles.
pub const HEADING: Paint = Paint(RGBColor(0x1f, 0x23, 0x28), "#f0f6fc");
/// Labels.
pub const LABEL: Paint = Paint(RGBColor(0x57, 0x60, 0x6a), "#9198a1");
/// Axes.
pub const GRID: Paint = Paint(RGBColor(0xd0, 0xd7, 0xde), "#30363d");
/// The lines or bars in a panel, in this order; the colors repeat if there are more lines or bars than colors.
pub const LINES: [Paint; 7] = [
    Paint(RGBColor(0x1f, 0x6f, 0xeb), "#58a6ff"),
    Paint(RGBColor(0x0b, 0x7a, 0x75), "#39c5bb"),
    Paint(RGBColor(0xbc, 0x4c, 0x00), "#f0883e"),
    Paint(RGBColor(0x82, 0x50, 0xdf), "#bc8cff"),
    Paint(RGBColor(0x9a, 0x67, 0x00), "#d29922"),
    Paint(RGBColor(0x6e, 0x77, 0x81), "#8b949e"),
    Paint(RGBColor(0xbf, 0x39, 0x89), "#f778ba"),
];
/// The font for all text.
pub const FONT: &str = "sans-serif";

/// Adds an accessible label, and a style sheet that replaces every color with its counterpart on dark pages.
pub fn with_dark_mode(svg: &str, title: &str) -> String {
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
