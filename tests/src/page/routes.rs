//! The page's addresses, read from the routers' source: what is tried for all of them is tried for a new one without its being
//! written down anywhere else.

use std::fs;

use anyhow::{Context, Result};

use crate::tools;

/// Every address with one of these methods, as routers write them (`get(`, `post(`).
///
/// # Errors
/// When the source cannot be read.
pub fn taking(methods: &[&str]) -> Result<Vec<String>> {
    let mut folders = vec![tools::here().join("../firmware/page/src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            for route in fs::read_to_string(&path)?.split(".route(").skip(1) {
                let mut depth = 1;
                let end = route.find(|c| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    depth == 0
                });
                let route = &route[..end.unwrap_or(route.len())];
                if methods.iter().any(|method| route.contains(method)) {
                    let address = route.split('"').nth(1).context("a route without address")?;
                    found.push(address.to_owned());
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

/// An address with something in the places that it leaves open.
pub fn filled(address: &str) -> String {
    let parts = address.split('/').map(|part| match part.starts_with('{') {
        true => "1",
        false => part,
    });
    parts.collect::<Vec<_>>().join("/")
}
