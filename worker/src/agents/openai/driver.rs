//! Builds and probes agents that use model servers.

use std::sync::Arc;

use async_trait::async_trait;
use banter_shared::{agents_file::OpenaiConfig, clock::SystemClock, count::count};

use super::{MODELS_TIMEOUT, OpenaiAgent};
use crate::agents::{
    Agent, AgentError,
    driver::{BuildContext, Driver, ProbeReport},
};

#[async_trait]
impl Driver for OpenaiConfig {
    fn build(&self, context: &BuildContext<'_>) -> Result<Arc<dyn Agent>, String> {
        Ok(Arc::new(agent(self, context)?))
    }

    async fn probe(&self, context: &BuildContext<'_>) -> ProbeReport {
        let result = match agent(self, context) {
            Ok(agent) => agent.probe().await.map_err(|error| error.to_string()),
            Err(reason) => Err(reason),
        };
        match result {
            Ok(number) => {
                let models = count(number, "model");
                ProbeReport { is_usable: true, lines: vec![format!("connected: the server lists {models}")] }
            }
            Err(reason) => ProbeReport::failed(format!("failed: {reason}")),
        }
    }
}

fn agent(config: &OpenaiConfig, context: &BuildContext<'_>) -> Result<OpenaiAgent, String> {
    OpenaiAgent::new(config.clone(), config.api_key(context.env)?, Arc::new(SystemClock))
}

impl OpenaiAgent {
    /// Fetches the server's model list and returns the number of models.
    ///
    /// # Errors
    /// Fails if the request fails or the response reports an error.
    pub async fn probe(&self) -> Result<usize, AgentError> {
        let list = self.list_models(MODELS_TIMEOUT).await.map_err(|failure| failure.error)?;
        Ok(list.ids.len())
    }
}
