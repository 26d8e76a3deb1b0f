//! Measures other systems in the same run, using the scripts in `bench/peers`. The scripts download the systems on
//! first use, except for Node.
//!
//! The streaming server, `node-sse/server.mjs`, prints its address. Every other folder has a `run.sh`, which prints
//! lines of the form `row<TAB>value`. If a required program is not installed, the script prints the reason and exits
//! with 77.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{fan_out, figures::Figures, floors::StampServer, placement::Placement, plan::Plan, usage::Usage};

/// The exit code of a script that is skipped because a required program is not installed.
const SKIPPED: i32 = 77;

/// Measures all peers.
///
/// # Errors
/// Fails if a script or a measurement fails.
pub async fn run(figures: &mut Figures, folder: &Path, placement: &Placement, plan: &Plan) -> Result<()> {
    let folder = folder.canonicalize()?;
    for (name, column) in [("bullmq", "BullMQ"), ("langgraph", "LangGraph")] {
        for _ in 0..plan.runs {
            if !run_script(figures, &folder, name, column)? {
                break;
            }
        }
    }
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("SKIPPED node-sse: Node is missing");
        return Ok(());
    }
    for _ in 0..plan.runs {
        for &streams in &plan.streams {
            let server = {
                let _side = placement.enter_product_side()?;
                let mut command = Command::new("node");
                command.arg(folder.join("node-sse/server.mjs"));
                StampServer::start(command)?
            };
            let usage = || Usage::of(&[server.pid()]);
            let run = fan_out::measure(&server.address, None, streams, plan.events, usage, async { Ok(()) });
            run.await?.add(figures, "Node");
        }
    }
    Ok(())
}

/// Runs a script and records the values that it prints. Returns `false` if the script was skipped.
fn run_script(figures: &mut Figures, folder: &Path, name: &str, column: &str) -> Result<bool> {
    eprintln!("peer: {name}");
    let mut command = Command::new(folder.join(name).join("run.sh"));
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().with_context(|| name.to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(SKIPPED) {
        println!("SKIPPED {name}: {}", text.trim());
        return Ok(false);
    }
    ensure!(output.status.success(), "{name}: {}", output.status);
    for line in text.lines() {
        let (row, value) = line.split_once('\t').with_context(|| format!("{name} printed {line:?}"))?;
        figures.add("Peers", row, column, value.trim().parse()?);
    }
    Ok(true)
}
