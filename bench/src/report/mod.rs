//! The output from a run, which consists of a table (CSV), a plot (SVG), and, for each series, the result of the
//! flatness check.

pub mod palette;
mod plot;
mod table;
mod trend;

pub use plot::plot;
pub use table::{Series, Table};
pub use trend::{Tolerance, Trend};
