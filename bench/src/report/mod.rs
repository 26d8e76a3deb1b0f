//! What a run leaves behind: a table (CSV), a plot (SVG), and for each series whether it is flat.

mod flat;
mod plot;
mod table;

pub use flat::{Tolerance, judge};
pub use plot::plot;
pub use table::{Series, Table};
