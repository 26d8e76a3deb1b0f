//! Runs each workload in its configurations. If a run fails, continues with the next one.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::{
    Workload, big_data, burst, fan_out,
    figures::Figures,
    floors::{self, StampServer},
    installation::Installation,
    model::{Model, Script},
    peers,
    placement::Placement,
    plan::Plan,
    sends,
    setup::Setup,
    single, trace, turns,
    usage::Usage,
};

/// Numbers of concurrent sessions, each measured separately.
const SESSIONS: [usize; 3] = [1, 16, 64];
/// Number of requests sent directly to the model. Their median latency is subtracted from that of a turn.
const MODEL_REQUESTS: usize = 50;

/// A runner of workloads, which collects the figures.
#[derive(Debug)]
pub struct Runner {
    plan: Plan,
    unpinned: Placement,
    pinned: Placement,
    peers: Option<PathBuf>,
    figures: Figures,
    model: Model,
}

impl Runner {
    /// Creates a runner, and starts the model on the CPU reserved for load generation, if there is one.
    ///
    /// # Errors
    /// Fails if a pinned run has only one CPU, or if the model does not start.
    pub fn create(plan: Plan, peers: Option<PathBuf>, environment: Vec<(String, String)>) -> Result<Self> {
        let unpinned = Placement::unpinned()?;
        let pinned = if plan.is_pinned() { unpinned.pinned()? } else { unpinned };
        pinned.enter()?;
        let model = Model::start()?;
        Ok(Self { plan, unpinned, pinned, peers, figures: Figures { environment, ..Figures::default() }, model })
    }

    /// Returns the figures measured so far.
    pub fn into_figures(self) -> Figures {
        self.figures
    }

    /// Runs one workload in all configurations. The configurations alternate, so if the machine slows down, all of them
    /// are affected.
    pub async fn run(&mut self, workload: Workload) {
        let plan = self.plan.clone();
        let is_pinned = plan.is_pinned();
        let setups = match workload {
            Workload::Turns => plan.setups,
            // No worker is running, so a second CPU makes little difference.
            Workload::Sends => plan.setups.into_iter().filter(|setup| setup.is_pinned == is_pinned).collect(),
            Workload::FanOut | Workload::Single | Workload::Burst => plan.relays,
            // The relay makes no difference to these workloads.
            Workload::Floors | Workload::History | Workload::Reads | Workload::Trace | Workload::Peers => {
                plan.relays[..1].to_vec()
            }
        };
        // A database is filled only once and then read several times, because filling takes much longer than reading.
        // Peers repeat their runs themselves.
        let runs = if matches!(workload, Workload::Reads | Workload::Peers) { 1 } else { plan.runs };
        for run in 1..=runs {
            for setup in &setups {
                eprintln!("{workload:?}, run {run} of {runs}: {setup}");
                if let Err(error) = self.run_once(workload, *setup).await {
                    self.figures.add_violation(format!("{workload:?}, {setup}: {error:#}"));
                }
            }
        }
    }

    async fn run_once(&mut self, workload: Workload, setup: Setup) -> Result<()> {
        match workload {
            Workload::Floors => self.floors().await,
            Workload::Turns => self.turns(setup).await,
            Workload::Sends => self.sends(setup).await,
            Workload::FanOut => self.fan_out(setup).await,
            Workload::Single => self.single(setup).await,
            Workload::Burst => self.burst(setup).await,
            Workload::History => self.histories(setup).await,
            Workload::Reads => self.reads(setup).await,
            Workload::Trace => self.trace(setup).await,
            Workload::Peers => match &self.peers {
                Some(folder) => peers::run(&mut self.figures, folder, &self.pinned, &self.plan).await,
                None => Ok(()),
            },
        }
    }

    async fn start(&self, setup: Setup) -> Result<Installation> {
        Installation::start(setup, self.placement(setup), &self.model).await
    }

    const fn placement(&self, setup: Setup) -> &Placement {
        if setup.is_pinned { &self.pinned } else { &self.unpinned }
    }

    async fn floors(&mut self) -> Result<()> {
        floors::run(&mut self.figures, &self.model).await?;
        for &streams in &self.plan.streams {
            let server = {
                let _side = self.pinned.enter_product_side()?;
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("stamps");
                StampServer::start(command)?
            };
            let usage = || Usage::of(&[server.pid()]);
            let run = fan_out::measure(&server.address, None, streams, self.plan.events, usage, async { Ok(()) });
            run.await?.add(&mut self.figures, "bare axum");
        }
        Ok(())
    }

    async fn turns(&mut self, setup: Setup) -> Result<()> {
        let mut model = banter_tests::latency::Latencies::default();
        for _ in 0..MODEL_REQUESTS {
            model.record(single::ask_model(&self.model, &Script::Instant("turn".into())).await?);
        }
        let column = setup.to_string();
        for sessions in SESSIONS {
            let installation = self.start(setup).await?;
            let run = turns::run(&installation, sessions, self.plan.warm_up, self.plan.duration).await?;
            if sessions == 1 {
                run.add_latency(&mut self.figures, "One session", &column, model.quantile_ms(0.5));
            } else {
                run.add_rate(&mut self.figures, &format!("{sessions} sessions"), &column);
            }
            installation.stop().await?;
        }
        for (workers, section) in [(2, "16 sessions, two workers"), (4, "16 sessions, four workers")] {
            let installation = self.start(setup.with_workers(workers)).await?;
            let run = turns::run(&installation, 16, self.plan.warm_up, self.plan.duration).await?;
            run.add_rate(&mut self.figures, section, &column);
            installation.stop().await?;
        }
        Ok(())
    }

    async fn sends(&mut self, setup: Setup) -> Result<()> {
        for &clients in &self.plan.clients {
            let mut installation = self.start(setup.with_workers(0)).await?;
            let run = sends::run(&mut installation, clients, self.plan.warm_up, self.plan.duration).await?;
            run.add(&mut self.figures, clients, &setup.to_string());
            installation.stop().await?;
        }
        Ok(())
    }

    async fn fan_out(&mut self, setup: Setup) -> Result<()> {
        for &streams in &self.plan.streams {
            let installation = self.start(setup).await?;
            let run = fan_out::run(&installation, streams, self.plan.events).await;
            run.with_context(|| format!("{streams} streams"))?.add(&mut self.figures, &setup.to_string());
            installation.stop().await?;
        }
        Ok(())
    }

    async fn single(&mut self, setup: Setup) -> Result<()> {
        let (placement, column) = (*self.placement(setup), setup.to_string());
        single::cold_start(&mut self.figures, setup, &placement, &self.model).await?;
        let installation = self.start(setup).await?;
        single::idle(&mut self.figures, &installation, &column, self.plan.idle).await?;
        single::long_answer(&mut self.figures, &installation, &column, &self.model).await?;
        installation.stop().await
    }

    async fn burst(&mut self, setup: Setup) -> Result<()> {
        let installation = self.start(setup).await?;
        burst::run(&installation, self.plan.burst).await?.add(&mut self.figures, &setup.to_string());
        installation.stop().await
    }

    async fn histories(&mut self, setup: Setup) -> Result<()> {
        let placement = *self.placement(setup);
        for turns in self.plan.histories.clone() {
            single::history(&mut self.figures, setup, &placement, &self.model, turns).await?;
        }
        Ok(())
    }

    async fn trace(&mut self, setup: Setup) -> Result<()> {
        let placement = *self.placement(setup);
        trace::run(&mut self.figures, setup, &placement, &self.model).await
    }

    async fn reads(&mut self, setup: Setup) -> Result<()> {
        let placement = *self.placement(setup);
        for fill in self.plan.fills.clone() {
            let size = (fill, self.plan.runs, self.plan.requests);
            big_data::run(&mut self.figures, setup, &placement, &self.model, size).await?;
        }
        Ok(())
    }
}
