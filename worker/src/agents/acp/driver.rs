//! Builds and probes agents that implement the Agent Client Protocol.

use std::sync::Arc;

use async_trait::async_trait;
use banter_shared::agents_file::AcpConfig;

use super::{AcpAgent, settle::SettlePolicy};
use crate::agents::{
    Agent,
    driver::{BuildContext, Driver, ProbeReport},
};

#[async_trait]
impl Driver for AcpConfig {
    fn build(&self, context: &BuildContext<'_>) -> Result<Arc<dyn Agent>, String> {
        Ok(Arc::new(agent(self, context)?))
    }

    fn program(&self) -> Option<&str> {
        Some(&self.program.command)
    }

    async fn probe(&self, context: &BuildContext<'_>) -> ProbeReport {
        match agent(self, context) {
            Ok(agent) => agent.probe().await,
            Err(reason) => ProbeReport::failed(format!("unavailable: {reason}")),
        }
    }
}

fn agent(config: &AcpConfig, context: &BuildContext<'_>) -> Result<AcpAgent, String> {
    let launch = context.launch(&config.program)?;
    Ok(AcpAgent::new(config.clone(), launch, context.host.clone(), SettlePolicy::lenient()))
}
