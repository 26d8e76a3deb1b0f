//! Measures how much load the machine can handle: by default, with all workloads, and beside the machine's own floors
//! ([`floors`]).
//!
//! The product runs as it does in production: in separate processes, with a database on disk. Its configuration is the
//! default one, apart from what each [`setup`] changes. The model ([`model`]) is scripted, and answers instantly unless
//! a workload needs a slower answer. Each workload runs several times, after a
//! warm-up where necessary. Except for reads, each run uses a fresh installation. The results are medians with ranges.
//! In every run, delivery must be exact ([`observer`]): no errors, no duplicates, and no gaps.

mod big_data;
mod burst;
mod chart;
mod chat;
mod connection;
mod fan_out;
mod figures;
mod fill;
mod floors;
mod installation;
mod machine;
mod model;
mod monotonic;
mod observer;
mod peers;
mod placement;
mod plan;
mod resume;
mod runner;
mod sends;
mod setup;
mod single;
mod stamps;
mod stream;
mod table;
mod trace;
mod turns;
mod usage;

pub use floors::serve_stamps;
pub use model::serve as serve_model;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use figures::Figures;
use plan::Plan;
use runner::Runner;

/// Options for `bench performance`.
#[derive(Debug, Args)]
pub struct Options {
    /// Run smaller workloads, once each, in two minutes.
    #[arg(long)]
    quick: bool,
    /// Number of times to run each workload; defaults to 5, or to 1 for a quick run.
    #[arg(long)]
    runs: Option<usize>,
    /// Measure only these workloads.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Do not reserve a CPU for the product.
    #[arg(long)]
    unpinned: bool,
    /// Also measure other systems, using the scripts in this folder.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Folder for the results.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
    /// Write the tables to the marked part of this page.
    #[arg(long)]
    docs: Option<PathBuf>,
    /// Print the results in this JSON file instead of measuring.
    #[arg(long)]
    from: Option<PathBuf>,
}

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// What the machine can do without the product.
    Floors,
    /// Turns in 1, 16, and 64 sessions.
    Turns,
    /// Sending messages without answers.
    Sends,
    /// One answer followed on many streams.
    FanOut,
    /// Cold start, idle processes, and a long answer.
    Single,
    /// Messages to many sessions at once.
    Burst,
    /// Turns after a long history.
    History,
    /// Reads from databases with up to a million messages.
    Reads,
    /// The steps of a turn, from its trace.
    Trace,
    /// Other systems.
    Peers,
}

/// Runs the workloads, or loads earlier results, and prints the tables. Returns `true` if there are no violations.
///
/// # Errors
/// Fails if the workloads cannot be run, or if the results cannot be read or written.
pub async fn run(options: Options) -> Result<bool> {
    let figures = match &options.from {
        Some(path) => Figures::read(path)?,
        None => measure(&options).await?,
    };
    let text = table::render(&figures);
    println!("{text}");
    if let Some(page) = options.docs {
        fill_page(&page, &figures, &text)?;
    }
    Ok(figures.violations.is_empty())
}

/// Runs the workloads and writes the results.
async fn measure(options: &Options) -> Result<Figures> {
    let mut plan = if options.quick { Plan::quick() } else { Plan::full() };
    plan.runs = options.runs.unwrap_or(plan.runs);
    if options.unpinned {
        plan.unpin();
    }
    let (name, environment) = machine::describe(&plan)?;
    let mut runner = Runner::create(plan, options.peers.clone(), environment)?;
    let is_selected = |workload: &Workload| options.only.is_empty() || options.only.contains(workload);
    for workload in Workload::value_variants().iter().filter(|it| is_selected(it)) {
        runner.run(*workload).await;
    }
    let figures = runner.into_figures();
    let path = options.output.join(name);
    figures.write(&path.with_extension("json"))?;
    std::fs::write(path.with_extension("svg"), chart::draw(&figures)?)?;
    eprintln!("results: {0}.json, {0}.svg", path.display());
    Ok(figures)
}

/// Replaces the marked part of a page, and the chart that the page shows.
fn fill_page(page: &Path, figures: &Figures, text: &str) -> Result<()> {
    const BEGIN: &str = "<!-- figures: begin -->\n";
    const END: &str = "<!-- figures: end -->";
    const IMAGE: &str = "![Turns, sends, streams, and memory](images/performance.svg)";
    let old = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let (head, rest) = old.split_once(BEGIN).context("the page has no start marker for the figures")?;
    let (_, tail) = rest.split_once(END).context("the page has no end marker for the figures")?;
    std::fs::write(page, format!("{head}{BEGIN}\n{IMAGE}\n\n{text}\n{END}{tail}"))?;
    let image = page.with_file_name("images").join("performance.svg");
    std::fs::write(image, chart::draw(figures)?)?;
    Ok(())
}
