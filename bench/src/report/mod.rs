//! The output of a run: a table (CSV), a plot (SVG), and whether each series is flat.

mod flat;
mod plot;
mod table;

pub use flat::{Tolerance, judge};
pub use plot::plot;
pub use table::{Series, Table};
