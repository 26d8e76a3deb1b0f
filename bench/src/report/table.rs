//! Series of values that share one time axis; each row is written to a CSV file as it is added.

use std::{fs::File, iter::once, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::Tolerance;

/// A series of values, which is a column of the table.
#[derive(Clone, Debug)]
pub struct Series {
    /// The panel of the plot in which the series is drawn; several series can share a panel.
    pub panel: &'static str,
    /// The label for the series in its panel.
    pub name: String,
    /// The tolerated rise, or `None` if the series is not checked.
    pub tolerance: Option<Tolerance>,
    /// Whether a rise beyond the tolerance fails the run; `false` if other load on the machine affects the series.
    pub is_judged: bool,
    /// The values; NaN where nothing was measured.
    pub values: Vec<f64>,
}

impl Series {
    /// Creates an empty column.
    pub fn new(panel: &'static str, name: &str, tolerance: Option<Tolerance>) -> Self {
        Self { panel, name: name.to_owned(), tolerance, is_judged: true, values: Vec::new() }
    }

    /// Makes the column informational: a rise is reported, but does not fail the run.
    pub fn not_judged(self) -> Self {
        Self { is_judged: false, ..self }
    }
}

/// All columns, and the CSV file to which each row is written.
#[derive(Debug)]
pub struct Table {
    /// Seconds since the start of the run, one per row.
    pub seconds: Vec<f64>,
    /// The columns.
    pub series: Vec<Series>,
    writer: csv::Writer<File>,
}

impl Table {
    /// Creates the file and writes the header.
    pub fn create(path: &Path, series: Vec<Series>) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut writer = csv::Writer::from_path(path).with_context(|| path.display().to_string())?;
        let names = series.iter().map(|series| format!("{}: {}", series.panel, series.name));
        writer.write_record(once("seconds".to_owned()).chain(names))?;
        writer.flush()?;
        Ok(Self { seconds: Vec::new(), series, writer })
    }

    /// Adds a row with one value per column.
    pub fn add(&mut self, seconds: f64, values: &[f64]) -> Result<()> {
        ensure!(values.len() == self.series.len(), "{} values for {} columns", values.len(), self.series.len());
        self.seconds.push(seconds);
        for (series, value) in self.series.iter_mut().zip(values) {
            series.values.push(*value);
        }
        let cells = values.iter().map(|value| if value.is_nan() { String::new() } else { format!("{value:.2}") });
        self.writer.write_record(once(format!("{seconds:.1}")).chain(cells))?;
        self.writer.flush()?;
        Ok(())
    }
}
