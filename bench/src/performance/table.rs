//! The figures as Markdown tables, one for each section.

use std::fmt::Write as _;

use super::figures::{Figure, Figures};

/// Renders all sections.
pub fn render(figures: &Figures) -> String {
    let mut text = String::new();
    for (name, value) in &figures.environment {
        let _ = writeln!(text, "- {name}: {value}");
    }
    for section in distinct(figures.measured.iter().map(|it| it.section.as_str())) {
        let own: Vec<&Figure> = figures.measured.iter().filter(|it| it.section == section).collect();
        render_section(&mut text, section, &own);
    }
    let _ = match figures.violations.len() {
        0 => writeln!(text, "\nEvery run delivered each event exactly once."),
        count => writeln!(text, "\n{count} VIOLATIONS: {:#?}", figures.violations),
    };
    text
}

fn render_section(text: &mut String, section: &str, figures: &[&Figure]) {
    let columns = distinct(figures.iter().map(|it| it.column.as_str()));
    let _ = writeln!(text, "\n### {section}\n\n| | {} |", columns.join(" | "));
    let _ = writeln!(text, "|---|{}", "---:|".repeat(columns.len()));
    for row in distinct(figures.iter().map(|it| it.row.as_str())) {
        let cell = |column: &&str| {
            let figure = figures.iter().find(|it| it.row == row && it.column == *column);
            figure.map_or_else(|| "–".to_owned(), |figure| cell_of(figure))
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let _ = writeln!(text, "| {row} | {} |", cells.join(" | "));
    }
}

/// Returns the median and, if there are several values, the range.
fn cell_of(figure: &Figure) -> String {
    let Figure { median, min, max, .. } = figure;
    if figure.values.len() < 2 {
        number(*median)
    } else {
        format!("{} [{}–{}]", number(*median), number(*min), number(*max))
    }
}

/// Formats a number with two decimal places below 10, one below 100, and none above that.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 99.95 {
        grouped(value)
    } else if magnitude >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Formats a number without decimal places, with spaces as thousands separators starting at 10 000.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_three_significant_digits() {
        let shown = [0.123, 1.239, 12.34, 123.4, 1234.5, 56_789.0].map(number);

        assert_eq!(shown, ["0.12", "1.24", "12.3", "123", "1234", "56 789"]);
    }

    #[test]
    fn renders_a_column_per_configuration_and_the_range_of_several_runs() {
        let mut figures = Figures::default();
        figures.add("Turns", "Rate", "embedded", 1.0);
        figures.add("Turns", "Rate", "embedded", 3.0);
        figures.add("Turns", "Cost", "Redis", 4.0);

        let text = render(&figures);

        assert!(text.contains("| | embedded | Redis |\n|---|---:|---:|\n"), "{text}");
        assert!(text.contains("| Rate | 2.00 [1.00–3.00] | – |\n| Cost | – | 4.00 |"), "{text}");
    }
}
