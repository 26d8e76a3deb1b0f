//! Builds and probes the demo agent, which is run like any other ACP agent.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use banter_shared::agents_file::{AcpConfig, DemoConfig, PermissionPolicy, ProgramConfig};

use crate::agents::{
    Agent,
    acp::{AcpAgent, SettlePolicy},
    driver::{BuildContext, Driver, ProbeReport},
    process::{Launch, Program},
};

/// How long the demo's idle processes are kept. The time is short because these processes start quickly.
const KEEP_WARM: Duration = Duration::from_mins(1);
/// Maximum number of demo processes, unless the worker runs more tasks at once. The limit is high because these
/// processes are small.
const MAX_PROCESSES: usize = 64;

#[async_trait]
impl Driver for DemoConfig {
    fn build(&self, context: &BuildContext<'_>) -> Result<Arc<dyn Agent>, String> {
        Ok(Arc::new(agent(context)))
    }

    async fn probe(&self, context: &BuildContext<'_>) -> ProbeReport {
        agent(context).probe().await
    }
}

/// Returns an agent that runs this program. The user decides on the agent's permission requests.
fn agent(context: &BuildContext<'_>) -> AcpAgent {
    let config = AcpConfig {
        permission: PermissionPolicy::Ask,
        keep_warm: KEEP_WARM,
        max_processes: MAX_PROCESSES.max(context.concurrency),
        max_memory_mb: u64::MAX,
        ..AcpConfig::new(ProgramConfig::default())
    };
    let launch = Launch {
        agent_key: context.key.to_owned(),
        program: Program::Own,
        args: vec!["demo-agent".into()],
        env: Vec::new(),
        secrets: Vec::new(),
    };
    AcpAgent::new(config, launch, context.host.clone(), SettlePolicy::strict())
}
