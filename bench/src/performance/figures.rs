//! The figures measured in a run.

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Everything that was measured, in the order in which each figure was first measured.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Figures {
    /// The environment in which the figures were measured, as names and values.
    pub environment: Vec<(String, String)>,
    /// The figures.
    pub measured: Vec<Figure>,
    /// Violations of exact delivery, and other failures; empty if there were none.
    pub violations: Vec<String>,
}

/// A figure, with its values from all runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    /// The heading for the figure's table.
    pub section: String,
    /// The label for the table row, including the unit.
    pub row: String,
    /// The heading for the table column.
    pub column: String,
    /// One value per run.
    pub values: Vec<f64>,
    /// The median of the values.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Figures {
    /// Adds a value to a figure. Ignores a value that is not finite.
    pub fn add(&mut self, section: &str, row: &str, column: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        let is_same = |it: &&mut Figure| it.section == section && it.row == row && it.column == column;
        let values = match self.measured.iter_mut().find(is_same) {
            Some(figure) => {
                figure.values.push(value);
                std::mem::take(&mut figure.values)
            }
            None => vec![value],
        };
        let (section, row, column) = (section.to_owned(), row.to_owned(), column.to_owned());
        let figure = Figure::of(section, row, column, values);
        match self.measured.iter_mut().find(|it| is_same(it)) {
            Some(slot) => *slot = figure,
            None => self.measured.push(figure),
        }
    }

    /// Records a violation.
    pub fn add_violation(&mut self, violation: String) {
        eprintln!("violation: {violation}");
        self.violations.push(violation);
    }

    /// Reads figures from a file that [`Self::write`] created.
    ///
    /// # Errors
    /// Fails if the file cannot be read or parsed.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes the figures to a file, as JSON.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::File::create(path)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        writeln!(file)?;
        Ok(())
    }
}

impl Figure {
    fn of(section: String, row: String, column: String, values: Vec<f64>) -> Self {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(at(middle.saturating_sub(1)), at(middle))
        } else {
            at(middle)
        };
        let (min, max) = (at(0), at(sorted.len().saturating_sub(1)));
        Self { section, row, column, values, median, min, max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_all_values_and_their_median() {
        let mut figures = Figures::default();
        for value in [3.0, 1.0, 2.0, 10.0, f64::NAN] {
            figures.add("section", "row", "column", value);
        }
        figures.add("section", "row", "another column", 5.0);

        let [first, second] = &figures.measured[..] else { panic!("{figures:?}") };
        assert_eq!(format!("{:?}", first.values), "[3.0, 1.0, 2.0, 10.0]");
        assert_eq!(format!("{:?}", [first.median, first.min, first.max]), "[2.5, 1.0, 10.0]");
        assert_eq!(format!("{:?}", second.values), "[5.0]");
    }
}
