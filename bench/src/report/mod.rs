//! The output of a run: a table (CSV), a plot (SVG), and the result of the flatness check for each series.

pub mod palette;
mod plot;
mod table;
mod trend;

pub use plot::plot;
pub use table::{Series, Table};
pub use trend::{Tolerance, Trend};
