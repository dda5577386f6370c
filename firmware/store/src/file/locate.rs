//! Where in the text a key is, and which key is at a place of the text.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A key and where it, or its value, begins.
pub(super) struct Place {
    pub key: String,
    pub offset: usize,
}

/// Line and column, both from 1, of an octet of the text.
pub(super) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let front = &text.as_bytes()[..offset.min(text.len())];
    let line = front.iter().filter(|b| **b == b'\n').count() + 1;
    let start = front.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    // Octets that continue a character do not count.
    let column = front[start..].iter().filter(|b| **b & 0xC0 != 0x80).count() + 1;
    (line, column)
}

/// The key that an error of the deserializer is about.
pub(super) fn at_span(root: &DeTable<'_>, span: &Range<usize>, message: &str) -> Place {
    let mut key = String::new();
    match find(root, span, &mut key) {
        Some(Found::Array(array)) => element(array, message, key, span.start),
        _ => Place {
            key,
            offset: span.start,
        },
    }
}

enum Found<'a, 'i> {
    Array(&'a [Spanned<DeValue<'i>>]),
    Other,
}

/// Looks for the node whose span is exactly this one; `key` is its path.
fn find<'a, 'i>(
    table: &'a DeTable<'i>,
    span: &Range<usize>,
    key: &mut String,
) -> Option<Found<'a, 'i>> {
    for (name, value) in table {
        let front = key.len();
        if !key.is_empty() {
            key.push('.');
        }
        key.extend(name.get_ref().escape_debug());
        if name.span() == *span {
            return Some(Found::Other);
        }
        if let Some(found) = find_value(value, span, key) {
            return Some(found);
        }
        key.truncate(front);
    }
    None
}

fn find_value<'a, 'i>(
    value: &'a Spanned<DeValue<'i>>,
    span: &Range<usize>,
    key: &mut String,
) -> Option<Found<'a, 'i>> {
    let here = value.span() == *span;
    match value.get_ref() {
        DeValue::Array(array) => {
            for (n, item) in array.iter().enumerate() {
                let front = key.len();
                key.push_str(&format!("[{n}]"));
                if let Some(found) = find_value(item, span, key) {
                    return Some(found);
                }
                key.truncate(front);
            }
            // After its items: an array of tables begins where its first table does.
            here.then_some(Found::Array(array))
        }
        DeValue::Table(table) => find(table, span, key).or(here.then_some(Found::Other)),
        _ => here.then_some(Found::Other),
    }
}

/// The deserializer gives the whole array for a wrong element whose text was checked by its type;
/// such a message quotes the element.
fn element(array: &[Spanned<DeValue<'_>>], message: &str, key: String, offset: usize) -> Place {
    let quoted = message.split('`').nth(1);
    let wrong = |item: &&Spanned<DeValue<'_>>| {
        item.get_ref()
            .as_str()
            .is_some_and(|text| Some(text.escape_debug().to_string().as_str()) == quoted)
    };
    match array.iter().position(|item| wrong(&item)) {
        Some(n) => Place {
            key: format!("{key}[{n}]"),
            offset: array[n].span().start,
        },
        None => Place { key, offset },
    }
}

/// Where a key begins: its own place, or that of the nearest part in front of it that is there.
/// `None` when not even its first part is in the text.
pub(super) fn at_key(root: &DeTable<'_>, key: &str) -> Option<usize> {
    let mut table = Some(root);
    let mut offset = None;
    for part in key.split('.') {
        let (name, indices) = part.split_once('[').unwrap_or((part, ""));
        let Some((found, value)) = table.and_then(|t| t.get_key_value(name)) else {
            return offset;
        };
        offset = Some(found.span().start);
        let mut node = value;
        for index in indices.split(['[', ']']).filter(|i| !i.is_empty()) {
            let item = index
                .parse()
                .ok()
                .and_then(|n: usize| node.get_ref().as_array()?.get(n));
            let Some(item) = item else { return offset };
            node = item;
            offset = Some(node.span().start);
        }
        table = node.get_ref().as_table();
    }
    offset
}
