//! The API's contract: `openapi.json`, and the same for people at `/api`.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use crate::{
    Answer, Problem,
    shell::{Frame, Section, Shell, Visitor},
    texts,
};

const DOCUMENT: &str = include_str!("openapi.json");

pub fn routes() -> Router<Shell> {
    Router::new().route("/api", get(readable))
}

/// Holds nothing secret: programs read it before they have a token.
pub async fn file() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[derive(Template)]
#[template(path = "api/reference.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Api,
    operations: Vec<Line>,
}

impl Page {
    fn parameters_of(&self, line: &Line) -> String {
        texts::fill(self.t.parameters, &[&line.path])
    }
}

/// One operation, as it is shown.
struct Line {
    method: String,
    path: String,
    writes: bool,
    operation: Operation,
}

#[derive(Deserialize)]
struct Document {
    paths: BTreeMap<String, BTreeMap<String, Operation>>,
}

#[derive(Deserialize)]
struct Operation {
    summary: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    parameters: Vec<Parameter>,
    #[serde(rename = "requestBody")]
    body: Option<RequestBody>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    description: String,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
struct RequestBody {
    content: BTreeMap<String, Media>,
}

#[derive(Deserialize)]
struct Media {
    example: Option<serde_json::Value>,
}

impl Operation {
    /// What may be sent, for whoever tries it.
    fn example(&self) -> String {
        let body = self.body.as_ref();
        let example = body.and_then(|body| body.content.values().find_map(|m| m.example.as_ref()));
        example.map(ToString::to_string).unwrap_or_default()
    }
}

fn operations() -> serde_json::Result<Vec<Line>> {
    let document: Document = serde_json::from_str(DOCUMENT)?;
    let paths = document.paths.into_iter();
    Ok(paths
        .flat_map(|(path, methods)| {
            methods.into_iter().map(move |(method, operation)| Line {
                method: method.to_uppercase(),
                path: format!("/api/v1{path}"),
                writes: operation.tags.iter().any(|tag| tag == "write"),
                operation,
            })
        })
        .collect())
}

async fn readable(visitor: Visitor) -> Answer<Response> {
    let operations = operations().map_err(|problem| {
        Problem::Unavailable(format!("the API's description cannot be read: {problem}"))
    })?;
    Frame::show(&Page {
        t: texts::Api::of(visitor.look.lang),
        frame: visitor.frame(Section::Settings),
        operations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The methods are compared with what a running box answers (tests/tests/page_api.rs).
    #[test]
    fn every_route_is_in_the_document_and_the_other_way_round() {
        let source = include_str!("operations.rs").split("\"/api/v1/").skip(1);
        let mut routed: Vec<String> = source
            .filter_map(|rest| rest.split('"').next())
            .filter(|path| *path != "{*nothing}")
            .map(|path| format!("/{path}"))
            .collect();
        routed.sort();
        let document: Document = serde_json::from_str(DOCUMENT).unwrap();
        assert!(
            document.paths.keys().eq(&routed),
            "{:?}\n{routed:?}",
            document.paths.keys()
        );
    }

    #[test]
    fn the_document_can_be_shown() {
        let lines = operations().unwrap();
        assert!(lines.len() > 20);
        for line in lines {
            assert!(!line.operation.summary.is_empty(), "{}", line.path);
            assert!(
                line.method == "GET" || line.writes,
                "{} {}",
                line.method,
                line.path
            );
        }
    }
}
