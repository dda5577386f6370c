//! The list of calls as a file for a spreadsheet (RFC 4180), harmless in one: no cell is a formula
//! (OWASP, CSV Injection).

use axum::{
    extract::{RawQuery, State},
    http::header,
    response::{IntoResponse, Response},
};

use super::{Call, Verdict, list::Asked};
use crate::{
    Answer,
    shell::{Shell, Visitor},
    texts::{Lang, verdicts},
};

/// Calls in a file.
const MOST: u32 = 10_000;

const HEAD: [&str; 17] = [
    "time",
    "calls",
    "client",
    "caller",
    "dialled",
    "number",
    "country",
    "kind",
    "verdict",
    "rule",
    "reason",
    "mode",
    "costs money",
    "phone",
    "phone's User-Agent",
    "calls at a time",
    "first of calls",
];

/// The file.
pub async fn file(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let wanted = Asked::of(query.as_deref())?.query(MOST);
    let lang = visitor.look.lang;
    let listed = shell.ask(move |parts| parts.calls.calls(&wanted)).await?;
    let kind = "text/csv; charset=utf-8; header=present";
    let name = "attachment; filename=\"trunkguard-calls.csv\"";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, write(&listed.calls, lang)).into_response())
}

/// The whole file, one call a line.
pub fn write(calls: &[Call], lang: Lang) -> String {
    let mut out = String::with_capacity(200 * (calls.len() + 1));
    line(&mut out, HEAD.map(str::to_owned));
    for call in calls {
        let text = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
        line(
            &mut out,
            [
                call.at.clone(),
                call.count.to_string(),
                call.client.clone(),
                call.caller.clone(),
                call.dialled.clone(),
                // Without the `+`, which would make a formula of it.
                call.number
                    .as_deref()
                    .unwrap_or_default()
                    .trim_start_matches('+')
                    .to_owned(),
                call.country
                    .map_or_else(String::new, |code| code.as_str().to_owned()),
                call.kind
                    .map_or_else(String::new, |kind| verdicts::kind(lang, kind).to_owned()),
                Verdict::of(call.approved, call.allowed).name().to_owned(),
                call.rule.name().to_owned(),
                verdicts::reason(lang, call.rule, call.figures),
                verdicts::mode(lang, call.mode).to_owned(),
                text(call.chargeable),
                call.phone
                    .map_or_else(String::new, |phone| phone.to_string()),
                call.phone_agent.clone(),
                call.said_calls
                    .map_or_else(String::new, |calls| calls.to_string()),
                call.first_at.clone(),
            ],
        );
    }
    out
}

fn line<const N: usize>(out: &mut String, cells: [String; N]) {
    for (n, text) in cells.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        cell(out, text);
    }
    out.push_str("\r\n");
}

/// Every cell in quotes, and an apostrophe before what a spreadsheet would take for a formula.
fn cell(out: &mut String, text: &str) {
    out.push('"');
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_its_line() {
        let cells = |text: &str| {
            let mut out = String::new();
            cell(&mut out, text);
            out
        };
        assert_eq!(cells("1001"), "\"1001\"");
        assert_eq!(cells("=1+1"), "\"'=1+1\"");
        assert_eq!(cells("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(cells("-2+3"), "\"'-2+3\"");
        assert_eq!(cells("\t=1"), "\"'\t=1\"");
        assert_eq!(cells("a\",=1"), "\"a\"\",=1\"");
        let mut out = String::new();
        line(&mut out, ["a".to_owned(), "b".to_owned()]);
        assert_eq!(out, "\"a\",\"b\"\r\n");
    }
}
