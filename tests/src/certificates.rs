//! Certificates for servers that accept TLS connections.

use std::{path::Path, process::Command};

/// Creates a CA (`ca.pem`), and a certificate for 127.0.0.1 that it signed (`server.pem`, `server.key`).
pub fn create(folder: &Path) {
    const SCRIPT: &str = "set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Test CA' \
            -keyout ca.key -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=server' \
            -keyout server.key -out server.csr
        printf 'subjectAltName=IP:127.0.0.1\\n' > extensions
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem";
    let output = Command::new("sh").args(["-c", SCRIPT]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}
