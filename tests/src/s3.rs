//! An S3 server for a single test, on a loopback port, behind a proxy that can cut and freeze its connections.

use std::{fs, path::PathBuf};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use rand::SeedableRng as _;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{port, process::Environment, proxy::Proxy, random::TestRng};

/// The bucket.
const BUCKET: &str = "banter-test";
/// The credentials.
const ACCESS_KEY: &str = "access";
const SECRET_KEY: &str = "secret";

/// A running server with one bucket. Dropping it stops the server and removes the bucket.
#[derive(Debug)]
pub struct S3 {
    folder: TempDir,
    port: u16,
    server: Option<JoinHandle<()>>,
    proxy: Proxy,
}

impl S3 {
    /// Starts a server.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("banter-s3-").tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let port = port::lasting();
        let proxy = Proxy::start(&format!("127.0.0.1:{port}"), TestRng::seed_from_u64(0)).await;
        let mut server = Self { folder, port, server: None, proxy };
        server.resume().await;
        server
    }

    /// Returns the variables for processes that use the server.
    pub fn environment(&self) -> Environment {
        let endpoint = format!("http://{}", self.proxy.address());
        let variables = [
            ("ATTACHMENTS_URL", &*self.url("attachments")),
            ("AWS_ENDPOINT_URL", &*endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Returns the value of `ATTACHMENTS_URL` for a prefix in the bucket.
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// Returns the folder that contains the objects below a prefix.
    pub fn objects(&self, prefix: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(prefix)
    }

    /// Returns the proxy through which the processes connect.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Stops the server. Connections to its port are refused or closed.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
        self.proxy.cut_all();
    }

    /// Starts the server again, with the same objects.
    pub async fn resume(&mut self) {
        let mut service = S3ServiceBuilder::new(FileSystem::new(self.folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.server = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
                });
            }
        }));
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}
