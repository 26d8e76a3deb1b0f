//! One request and its response on a connection.

use std::sync::Arc;

use axum::{body::Body, extract::Request, http::Method};
use hyper::body::{Body as _, Incoming};

use super::{
    Activity,
    request_body::{BodyDeadline, RequestBody},
};

/// The paths to which files are uploaded. They may take longer than other bodies.
const UPLOAD_PATHS: [&str; 2] = ["/v1/attachments", "/v1/import"];

/// One request and its response. Dropping this value ends the exchange.
#[derive(Debug)]
pub(super) struct HttpExchange {
    activity: Arc<Activity>,
    number: u64,
}

impl HttpExchange {
    /// Begins an exchange for a request whose head has arrived, and starts the time limit for the request's body.
    pub(super) fn begin(activity: &Arc<Activity>, request: Request<Incoming>) -> (Self, Request) {
        let has_body = !request.body().is_end_stream();
        let number = activity.begin_exchange(has_body);
        let is_upload = request.method() == Method::POST && UPLOAD_PATHS.contains(&request.uri().path());
        let deadline = BodyDeadline::new(is_upload);
        let mut request = request.map(|body| {
            if has_body {
                Body::from_stream(RequestBody::new(body, deadline, Arc::clone(activity), number))
            } else {
                Body::empty()
            }
        });
        request.extensions_mut().insert(Arc::clone(activity));
        (Self { activity: Arc::clone(activity), number }, request)
    }
}

impl Drop for HttpExchange {
    fn drop(&mut self) {
        self.activity.end_response(self.number);
    }
}
