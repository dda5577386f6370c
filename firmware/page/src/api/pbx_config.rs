//! `pbx-config`: the questions of the command and of the page's part PBX, and the same answer.

use std::collections::BTreeMap;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;
use trunkguard_pbx::{Form, Language, Setup, Wrong};

use super::{Fault, operations::Params, token::Reader};

/// The one question beside those of [`Form`].
const LANGUAGE: &str = "language";

/// Nothing is asked of the box, and nothing is kept: answers in, set-up out.
pub async fn setup(
    _: Reader,
    Params(asked): Params<BTreeMap<String, String>>,
) -> Result<Response, Fault> {
    let (form, language) = read(asked)?;
    match form.check_in(language) {
        Ok(answers) => Ok(Json(Setup::new(&answers, language)).into_response()),
        Err(wrong) => Err(refused(wrong)),
    }
}

fn read(mut asked: BTreeMap<String, String>) -> Result<(Form, Language), Fault> {
    let language = match asked.remove(LANGUAGE).as_deref() {
        None | Some("english") => Language::English,
        Some("french") => Language::French,
        Some(_) => {
            return Err(Fault::refused(
                "language is not known; write english or french",
            ));
        }
    };
    let unreadable = |problem: serde_json::Error| Fault::refused(problem.to_string());
    let questions = serde_json::to_value(Form::default()).map_err(unreadable)?;
    if let Some(key) = asked.keys().find(|key| questions.get(key).is_none()) {
        // The key itself is the asker's own text, of any length.
        let key: String = key.chars().take(40).collect();
        return Err(Fault::refused(format!(
            "`{}` is no question; /api/v1/openapi.json lists them",
            key.escape_debug()
        )));
    }
    let form: Form = serde_json::from_value::<Form>(json!(asked)).map_err(unreadable)?;
    Ok((form, language))
}

fn refused(wrong: Vec<Wrong>) -> Fault {
    let said = match &*wrong {
        [one] => format!("{}: {}", one.field, one.message),
        all => format!("{} answers are not right; `wrong` names each", all.len()),
    };
    Fault {
        wrong,
        ..Fault::refused(said)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn every_question_of_the_form_is_in_the_document() {
        let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let parameters = document["paths"]["/pbx-config"]["get"]["parameters"]
            .as_array()
            .unwrap();
        let mut documented: Vec<&str> = parameters
            .iter()
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        documented.sort_unstable();
        let form = serde_json::to_value(Form::default()).unwrap();
        let mut questions: Vec<&str> = form.as_object().unwrap().keys().map(|k| &**k).collect();
        questions.push(LANGUAGE);
        questions.sort_unstable();
        assert_eq!(documented, questions);
    }

    #[test]
    fn what_is_no_question_is_said_and_everything_that_is_wrong() {
        let problem = read(asked(&[("pbxx", "freeswitch")])).unwrap_err();
        assert!(problem.said.starts_with("`pbxx` is no question"));
        let problem = read(asked(&[("language", "latin")])).unwrap_err();
        assert!(problem.said.contains("english or french"));
        let (form, language) = read(asked(&[("pbx", "x"), ("language", "french")])).unwrap();
        let fault = refused(form.check_in(language).unwrap_err());
        assert!(fault.wrong.len() > 3 && fault.said.starts_with(&fault.wrong.len().to_string()));
        assert!(fault.wrong[0].message.contains("choisissez"), "{fault:?}");
    }
}
